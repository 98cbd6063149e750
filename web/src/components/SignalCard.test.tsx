import { render, screen } from "@testing-library/react";
import { describe, expect, it } from "vitest";
import { SignalCard } from "./SignalCard";
import { hasExpired, knownAt, levelsOf, type ShownSignal, verdictOf, winRateFor } from "./signal";

const SIGNAL: ShownSignal = {
  id: "1",
  symbol: "BTC/USDT",
  timeframe: "1h",
  opened_at: "2026-11-27T01:00:00Z",
  direction: "long",
  strength: 39,
  confidence: 0.352,
  entry_price: 100,
  targets: [110, 120],
  stop_price: 95,
  verdict: "no_edge",
  expires_at: "2026-11-28T02:00:00Z",
};
const RATE = {
  symbol: "BTC/USDT",
  timeframe: "1h",
  strategy_version: "blend-2",
  direction: "long",
  horizon: "24h",
  lookback_days: 365,
  origin: "all",
  n: 350,
  n_effective: 63,
  wins: 135,
  losses: 200,
  expired: 15,
  rate: 0.386,
  low: 0.276,
  high: 0.509,
  baseline: 0.34,
  expectancy: null,
  profit_factor: null,
  computed_at: "2026-11-27T02:00:00Z",
} as const;

describe("levels", () => {
  it("stand as on a chart, the highest first", () => {
    expect(levelsOf(SIGNAL).map(level => [level.name, level.place])).toEqual([
      ["Target 2", 1],
      ["Target 1", 0.6],
      ["Entry", 0.2],
      ["Stop", 0],
    ]);
    expect(levelsOf(SIGNAL)[3]?.distance).toBe(-0.05);
  });
  it("are none where there is nothing to trade", () => {
    expect(levelsOf({ entry_price: 100, targets: [], stop_price: null })).toEqual([]);
  });
});

it("is known from the close of its candle on", () => {
  expect(knownAt(SIGNAL).toISOString()).toBe("2026-11-27T02:00:00.000Z");
  expect(hasExpired(SIGNAL, new Date("2026-11-28T02:00:00Z"))).toBe(true);
  expect(verdictOf("no_edge").word).toBe("No edge");
});

describe("the win rate beside a signal", () => {
  it("is of its direction and its timeframe's horizon, and recent where that rests on enough cases", () => {
    const month = { ...RATE, lookback_days: 30 };
    const rows = [{ ...RATE, horizon: "7d" }, RATE, month, { ...RATE, direction: "all" }];
    expect(winRateFor(rows, SIGNAL)).toBe(month);
    expect(winRateFor([RATE, { ...month, n: 12 }], SIGNAL)).toBe(RATE);
    expect(winRateFor(rows, { ...SIGNAL, direction: "short" })).toBeNull();
    expect(winRateFor(rows, { ...SIGNAL, direction: "flat" })?.direction).toBe("all");
  });
});

it("tells the direction in words", () => {
  render(<SignalCard signal={SIGNAL} winRate={RATE} />);
  expect(screen.getByText("Long")).toBeTruthy();
  expect(screen.getByText(/28%–51%/)).toBeTruthy();
  expect(screen.getByText("Stop").nextSibling?.textContent).toContain("95");
});

it("says that there is no record yet", () => {
  render(
    <SignalCard
      signal={{ ...SIGNAL, direction: "flat", targets: [], stop_price: null }}
      winRate={null}
      isCompact
    />,
  );
  expect(screen.getByText(/No win rate yet/)).toBeTruthy();
  expect(screen.getByText(/No trade/)).toBeTruthy();
});
