import type { CandleRow } from "@zmarty/client";
import { describe, expect, it } from "vitest";
import { candlesOfSpan, changeOf, courseOf, freshnessOf } from "./market";
import { TIMEFRAME_SECONDS, TIMEFRAMES, type Timeframe } from "./timeframes";

const START = Date.UTC(2026, 10, 26);

/** Candles with these prices, the first of which opened at START. */
function candles(closes: readonly number[], timeframe: Timeframe = "1h"): CandleRow[] {
  const step = TIMEFRAME_SECONDS[timeframe] * 1000;
  return closes.map((close, at) => ({
    symbol: "BTC/USDT",
    timeframe,
    opened_at: new Date(START + at * step).toISOString(),
    closed_at: new Date(START + (at + 1) * step).toISOString(),
    open: close,
    high: close,
    low: close,
    close,
    volume: 1,
    volume_usd: null,
    trades_count: null,
    vwap: null,
    exchange: "binance",
    source: "binance",
  }));
}

describe("courseOf", () => {
  it("takes one exchange of each candle, oldest first", () => {
    const [first, second] = candles([1, 2]);
    if (!first || !second) throw new Error("two candles");
    const others = [first, second].map(candle => ({ ...candle, exchange: "kraken", close: 9 }));
    expect(courseOf([second, first, ...others]).map(candle => candle.close)).toEqual([1, 2]);
  });
});

describe("changeOf", () => {
  it("compares with a day before, whichever way the candles come", () => {
    const day = candles(Array.from({ length: 48 }, (_, at) => (at === 47 - 24 ? 50 : 100)));
    const change = { share: 1, seconds: 86_400, over: "24 h" };
    expect(changeOf(day, "1h")).toEqual(change);
    expect(changeOf([...day].reverse(), "1h")).toEqual(change);
  });
  it("is not known with too little history, or with a hole where the other price should be", () => {
    expect(changeOf(candles([100, 110]), "1h")).toBeNull();
    expect(changeOf([], "1h")).toBeNull();
    const long = candles(Array.from({ length: 40 }, () => 1));
    expect(changeOf([...long.slice(0, 5), ...long.slice(-3)], "1h")).toBeNull();
  });
  it.each(TIMEFRAMES)("of %s candles is known with as many as their span takes", timeframe => {
    const closes = Array.from({ length: candlesOfSpan(timeframe) }, (_, at) => 100 + at);
    expect(changeOf(candles(closes, timeframe), timeframe)?.share).toBeCloseTo(
      (closes.at(-1) ?? 0) / 100 - 1,
    );
    expect(changeOf(candles(closes.slice(1), timeframe), timeframe)).toBeNull();
  });
  it("says over how long", () => {
    const over = (timeframe: Timeframe) =>
      changeOf(
        candles(
          Array.from({ length: 200 }, () => 1),
          timeframe,
        ),
        timeframe,
      )?.over;
    expect(TIMEFRAMES.map(over)).toEqual(["1 h", "12 h", "24 h", "24 h", "24 h", "24 h", "24 h", "7 d"]);
  });
});

describe("freshnessOf", () => {
  const newest = { closed_at: new Date(START).toISOString() };
  const after = (minutes: number) => freshnessOf(newest, "1h", new Date(START + minutes * 60_000));

  it("is late when the next candle is long overdue", () => {
    expect(after(59).isLate).toBe(false);
    expect(after(70).isLate).toBe(false);
    expect(after(76)).toMatchObject({ isLate: true, age: 76 * 60, overdue: 16 * 60 });
  });
  it("waits two minutes at least and half an hour at most", () => {
    const isLate = (timeframe: Timeframe, overdue: number) =>
      freshnessOf(newest, timeframe, new Date(START + (TIMEFRAME_SECONDS[timeframe] + overdue) * 1000))
        .isLate;
    expect([isLate("1m", 119), isLate("1m", 121)]).toEqual([false, true]);
    expect([isLate("1w", 1_799), isLate("1w", 1_801)]).toEqual([false, true]);
  });
  it("says when the next one is due", () => {
    expect(after(1).nextAt.getTime()).toBe(START + 3_600_000);
  });
});
