import { describe, expect, it } from "vitest";
import { arranged, keyOf, statusOf, type View } from "./market";
import {
  candlesSample,
  daySample,
  marketSample,
  NOW,
  signalSample,
  watchedSample,
  winRateSample,
} from "./samples";

describe("statusOf", () => {
  const health = (changes: Parameters<typeof marketSample>[0]) => statusOf(marketSample(changes), NOW).health;

  it("tells how far a symbol is", () => {
    const pending = watchedSample({ mirror: { state: "pending", mirrored_at: null } });
    const parked = watchedSample({ mirror: { state: "parked", mirrored_at: null } });
    expect(health({ watched: pending, candles: [] })).toBe("pending");
    expect(health({ watched: parked, candles: [] })).toBe("parked");
    expect(health({ candles: undefined })).toBe("loading");
    expect(health({ candles: [] })).toBe("empty");
    expect(health({})).toBe("well");
    expect(health({ candles: undefined, error: new Error("away") })).toBe("unknown");
  });
  it("waits for the next candle before it calls data late", () => {
    expect(health({ candles: candlesSample([1, 2], "2026-11-27T01:16:00Z") })).toBe("well");
    expect(health({ candles: candlesSample([1, 2], "2026-11-27T01:14:00Z") })).toBe("late");
    const late = statusOf(marketSample({ candles: candlesSample([1, 2], "2026-11-26T22:30:00Z") }), NOW);
    expect(late.text).toContain("4 h ago");
    expect(late.text).toContain("3 h late");
  });
});

describe("arranged", () => {
  const markets = [
    marketSample({ watched: watchedSample({ symbol: "SOL/USDT" }), signal: signalSample({ strength: 10 }) }),
    marketSample({
      watched: watchedSample({ symbol: "BTC/USDT", timeframe: "1d" }),
      signal: null,
      winRate: null,
      candles: [],
    }),
    marketSample({
      watched: watchedSample({ symbol: "BTC/USDT" }),
      signal: signalSample({ strength: 90, direction: "short" }),
      winRate: winRateSample({ rate: 0.6 }),
      candles: daySample(100, 90),
    }),
  ];
  const names = (view: Partial<View>) =>
    arranged(markets, { order: "symbol", isReversed: false, leaning: "all", search: "", ...view }).map(
      market => keyOf(market.watched),
    );

  it("sorts by symbol and then by timeframe", () => {
    expect(names({})).toEqual(["BTC/USDT 1h", "BTC/USDT 1d", "SOL/USDT 1h"]);
    expect(names({ isReversed: true })).toEqual(["SOL/USDT 1h", "BTC/USDT 1d", "BTC/USDT 1h"]);
  });
  it("puts the largest first and what has no number last either way", () => {
    expect(names({ order: "signal" })).toEqual(["BTC/USDT 1h", "SOL/USDT 1h", "BTC/USDT 1d"]);
    expect(names({ order: "signal", isReversed: true }).at(-1)).toBe("BTC/USDT 1d");
    expect(names({ order: "change" })).toEqual(["SOL/USDT 1h", "BTC/USDT 1h", "BTC/USDT 1d"]);
    expect(names({ order: "win_rate" })[0]).toBe("BTC/USDT 1h");
  });
  it("finds by name and by direction", () => {
    expect(names({ search: "sol-u" })).toEqual(["SOL/USDT 1h"]);
    expect(names({ leaning: "short" })).toEqual(["BTC/USDT 1h"]);
  });
});
