import { describe, expect, it } from "vitest";
import { isGap, isStale } from "./stale";

const candle = { type: "candle", data: { symbol: "BTC/USDT", timeframe: "1h", count: 1 } };

describe("isStale", () => {
  it("reaches every list of the pair", () => {
    expect(isStale(["candles", "BTC/USDT", "1h", "newest", 48], candle)).toBe(true);
    expect(isStale(["indicators", "patterns", "BTC-USDT", "1h"], candle)).toBe(true);
    expect(isStale(["candles"], candle)).toBe(true);
    expect(isStale(["indicators", "BTC/USDT"], candle)).toBe(true);
  });
  it("reads indicators anew once they are computed, and no watch list for it", () => {
    const signal = { ...candle, type: "signal" };
    expect(isStale(["indicators", "BTC/USDT", "1h"], signal)).toBe(true);
    for (const event of [candle, signal]) expect(isStale(["symbols", "watch-list"], event)).toBe(false);
  });
  it("leaves other pairs alone", () => {
    expect(isStale(["candles", "ETH/USDT", "1h"], candle)).toBe(false);
    expect(isStale(["candles", "BTC/USDT", "4h"], candle)).toBe(false);
  });
  it("knows which event is about what", () => {
    expect(isStale(["win-rates", "BTC/USDT", "1h"], candle)).toBe(false);
    expect(isStale(["credits", "balance"], { type: "credits", data: { balance: 1 } })).toBe(true);
    expect(isStale(["jobs"], { type: "job", data: { id: "1" } })).toBe(true);
    expect(isStale(["symbols"], { type: "something new", data: {} })).toBe(false);
  });
});

describe("isGap", () => {
  it("is a reset, and a line that begins anew without what was missed", () => {
    const ready = (resumed: boolean) => ({ type: "ready", data: { resumed } });
    expect(isGap({ type: "reset", data: {} }, true)).toBe(true);
    expect(isGap(ready(false), true)).toBe(false);
    expect(isGap(ready(false), false)).toBe(true);
    expect(isGap(ready(true), false)).toBe(false);
  });
});
