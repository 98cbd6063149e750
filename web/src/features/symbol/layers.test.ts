import { expect, it } from "vitest";
import { layersIn } from "./layers";

it("shows everything at first, and what was chosen later", () => {
  expect(Object.values(layersIn(null))).toEqual(Array(6).fill(true));
  expect(layersIn('{"levels":false,"unknown":false,"volume":"no"}')).toMatchObject({
    levels: false,
    volume: true,
    signals: true,
  });
});

it("survives what no longer can be read", () => {
  for (const broken of ["{", "null", "3", "[]"]) expect(layersIn(broken).signals).toBe(true);
});
