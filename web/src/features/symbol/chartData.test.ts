import { describe, expect, it } from "vitest";
import { bandsOf, marksOf, newestMap, planOf, precisionOf, shapesOf, words } from "./chartData";
import { hour, signal } from "./fixtures";

describe("marksOf", () => {
  it("marks the first of a run with an arrow and the others with a dot", () => {
    const marks = marksOf(
      [
        signal(0),
        signal(1),
        signal(2, { direction: "flat", verdict: "no_edge" }),
        signal(3, { direction: "short", verdict: "no_edge" }),
        signal(4, { direction: "long" }),
      ],
      "1h",
    );
    expect(marks.map(mark => [mark.direction, mark.isFirst, mark.hasEdge])).toEqual([
      ["long", true, true],
      ["long", false, true],
      ["short", true, false],
      ["long", true, true],
    ]);
  });

  it("starts a run anew after a candle that is missing", () => {
    expect(marksOf([signal(0), signal(5)], "1h").map(mark => mark.isFirst)).toEqual([true, true]);
  });

  it("takes one of two signals of a candle", () => {
    expect(marksOf([signal(0), signal(0, { id: "relayed", direction: "short" })], "1h")).toHaveLength(1);
  });
});

describe("planOf", () => {
  it("names entry, targets and stop", () => {
    expect(planOf(signal(0)).map(line => `${line.name} ${line.price}`)).toEqual([
      "Entry 100",
      "Target 1 110",
      "Target 2 120",
      "Stop 95",
    ]);
  });
  it("has nothing for a flat signal or none", () => {
    expect(planOf(signal(0, { direction: "flat" }))).toEqual([]);
    expect(planOf(null)).toEqual([]);
  });
});

describe("bandsOf", () => {
  const cluster = { side: "above", price: 110, size: "large", notional: 4_000_000 } as const;

  it("scales by dollars beside the largest, and keeps small ones in sight", () => {
    const bands = bandsOf({
      clusters: [
        cluster,
        { ...cluster, price: 120, notional: 1_000_000 },
        { ...cluster, price: 130, notional: 1 },
      ],
    });
    expect(bands.map(band => band.share)).toEqual([1, 0.5, 0.12]);
  });
  it("goes by words where dollars are not said", () => {
    const bands = bandsOf({
      clusters: [
        { ...cluster, notional: null, size: "small" },
        { ...cluster, notional: null, size: "xlarge" },
      ],
    });
    expect(bands.map(band => band.share)).toEqual([0.2, 1]);
  });
  it("is empty without a map", () => {
    expect(bandsOf(null)).toEqual([]);
  });
});

it("takes the freshest map that has clusters", () => {
  const map = { source: "a", confidence: null, link: null, age_seconds: 1, clusters: [] };
  const full = { side: "above", price: 1, size: "small", notional: null } as const;
  const found = newestMap([
    { ...map, source: "old", observed_at: hour(0), clusters: [full] },
    { ...map, source: "empty", observed_at: hour(5) },
    { ...map, source: "new", observed_at: hour(3), clusters: [full] },
  ]);
  expect(found?.source).toBe("new");
  expect(newestMap([])).toBeNull();
});

it("draws a pattern in the order of time", () => {
  const [shape] = shapesOf([
    {
      id: "p",
      symbol: "BTC/USDT",
      timeframe: "1h",
      kind: "double_top",
      direction: "short",
      origin: "live",
      confidence: 0.8,
      started_at: hour(0),
      ended_at: hour(4),
      detected_opened_at: hour(4),
      price_levels: { entry: 1, neckline: 2, target: 3, invalidation: 4 },
      bars: [
        { role: "top", opened_at: hour(3), price: 10 },
        { role: "top", opened_at: hour(1), price: 11 },
      ],
      fits: {},
      expires_at: hour(9),
    },
  ]);
  expect(shape?.name).toBe("Double top");
  expect(shape?.points.map(point => point.price)).toEqual([11, 10]);
});

it("gives prices the digits they need", () => {
  expect(precisionOf(60_000)).toEqual({ precision: 2, minMove: 0.01 });
  expect(precisionOf(0.684).precision).toBe(5);
  expect(precisionOf(0.00001234).precision).toBe(9);
});

it("writes codes as words", () => {
  expect(words("head_and_shoulders")).toBe("Head and shoulders");
});
