import { describe, expect, it } from "vitest";
import { withNewest, withOlder } from "./growing";

const at = (hour: number, close = hour) => ({
  opened_at: new Date(Date.UTC(2026, 0, 1, hour)).toISOString(),
  close,
});
const name = (row: { opened_at: string }) => row.opened_at;
const hours = (rows: { opened_at: string }[]) => rows.map(row => new Date(row.opened_at).getUTCHours());

describe("withNewest", () => {
  it("turns the first page around", () => {
    const known = withNewest(undefined, { items: [at(3), at(2)], next: "older" }, name);
    expect(hours(known.rows)).toEqual([2, 3]);
    expect(known.older).toBe("older");
  });

  it("puts new and corrected rows on top and keeps where older ones begin", () => {
    const known = { rows: [at(1), at(2), at(3)], older: "before 1" };
    const grown = withNewest(known, { items: [at(4), at(3, 99)], next: "before 3" }, name);
    expect(hours(grown.rows)).toEqual([1, 2, 3, 4]);
    expect(grown.rows[2]?.close).toBe(99);
    expect(grown.older).toBe("before 1");
  });

  it("starts anew when the page does not meet what is known", () => {
    const known = { rows: [at(1), at(2)], older: null };
    const grown = withNewest(known, { items: [at(9), at(8)], next: "before 8" }, name);
    expect(hours(grown.rows)).toEqual([8, 9]);
    expect(grown.older).toBe("before 8");
  });

  it("keeps one of two rows with one name", () => {
    const known = withNewest(undefined, { items: [at(2, 1), at(2, 7), at(1)], next: null }, name);
    expect(hours(known.rows)).toEqual([1, 2]);
  });
});

it("puts older rows before those that are known", () => {
  const grown = withOlder({ rows: [at(3)], older: "x" }, { items: [at(2), at(1)], next: null }, name);
  expect(hours(grown.rows)).toEqual([1, 2, 3]);
  expect(grown.older).toBeNull();
});
