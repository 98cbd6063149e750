import { describe, expect, it } from "vitest";
import { extentOf, linear, pathOf, ticks } from "./scale";

describe("linear", () => {
  it("maps a domain to a range that may run the other way", () => {
    const y = linear([0, 10], [100, 0]);
    expect([y(0), y(5), y(10)]).toEqual([100, 50, 0]);
  });
  it("puts a domain without extent into the middle", () => {
    expect(linear([3, 3], [0, 40])(3)).toBe(20);
  });
});

describe("ticks", () => {
  it("are round and lie inside", () => {
    expect(ticks(0, 1)).toEqual([0, 0.2, 0.4, 0.6, 0.8, 1]);
    expect(ticks(0.28, 0.61, 4)).toEqual([0.3, 0.4, 0.5, 0.6]);
    expect(ticks(58_950, 61_400, 4)).toEqual([59_000, 60_000, 61_000]);
  });
  it("have one for a single value", () => {
    expect(ticks(5, 5)).toEqual([5]);
  });
});

it("takes the extent of what is known", () => {
  expect(extentOf([null, 3, undefined, -1, Number.NaN])).toEqual([-1, 3]);
  expect(extentOf([null])).toBeNull();
});

it("starts a path anew after what is missing", () => {
  expect(pathOf([{ x: 0, y: 1 }, { x: 1, y: 2 }, null, { x: 3, y: 4 }])).toBe("M0.0 1.0L1.0 2.0M3.0 4.0");
});
