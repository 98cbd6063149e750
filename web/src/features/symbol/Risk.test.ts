import { expect, it } from "vitest";
import { pointsOf } from "./Calibration";
import { effectOf, effectWords } from "./Patterns";
import { courseOf, rarityWords, riskWords } from "./Risk";

it("says how high a risk is", () => {
  expect([0.1, 0.31, 0.5, 0.7, 0.95].map(riskWords)).toEqual([
    "Very low",
    "Low",
    "Middling",
    "High",
    "Very high",
  ]);
  expect([1.6, 1.3, 1].map(rarityWords)).toEqual(["Rarely here", "At times here", "Often here"]);
});

it("makes no line of days that were measured by different rulers", () => {
  const day = {
    observed_on: "2026-11-26",
    band: 3,
    rarity: 1,
    days: 600,
    price: 1,
    known_at: "",
    band_range: [0.3, 0.4] as [number, number],
  };
  const days = [
    { ...day, source: "anchors" as const, value: 0.3 },
    { ...day, source: "percentile" as const, value: 0.8 },
    { ...day, source: "anchors" as const, value: 0.2 },
  ];
  expect(courseOf(days, "anchors")).toEqual([0.2, 0.3]);
});

it("weighs the points of a reliability curve by what they hold", () => {
  const bin = { start: 0.3, end: 0.35, confidence: 0.32, share: 0.4, low: 0.3, high: 0.5, n: 10 };
  const points = pointsOf({
    reliability: [
      { ...bin, n_effective: 25 },
      { ...bin, n_effective: 100 },
    ],
  });
  expect(points.map(point => point.weight)).toEqual([0.5, 1]);
});

it("tells the record of a pattern, and that it is short", () => {
  const row = {
    symbol: "BTC/USDT",
    timeframe: "1h",
    kind: "flag",
    direction: "all",
    origin: "all",
    horizon: "7d",
    n: 40,
    n_effective: 30,
    wins: 20,
    losses: 15,
    expired: 5,
    rate: 0.5,
    low: 0.3,
    high: 0.7,
    baseline: null,
    expectancy: 0,
    profit_factor: null,
    since: "",
    computed_at: "",
  } as const;
  expect(effectOf([row, { ...row, horizon: "24h" }], "flag")?.horizon).toBe("24h");
  expect(effectOf(undefined, "flag")).toBeNull();
  expect(effectWords(row)).toBe("Right 50% (30%–70%) of 40 times");
  expect(effectWords({ ...row, baseline: 0.55 })).toBe("Right 50% (30%–70%) of 40 times, random entries 55%");
  expect(effectWords({ ...row, n: 3, n_effective: 3, wins: 1 })).toBe("Right 1 of 3 times: too few to say");
  expect(effectWords(null)).toBe("No record of this kind yet");
});
