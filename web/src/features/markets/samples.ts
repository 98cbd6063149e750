import type { CandleRow, SignalRow, WatchedSymbol, WinRateRow } from "@zmarty/client";
import type { Market } from "./market";

/** Rows for tests. */

const HOUR_MS = 3_600_000;
export const NOW = new Date("2026-11-27T02:30:00Z");

export function watchedSample(changes: Partial<WatchedSymbol> = {}): WatchedSymbol {
  return {
    symbol: "BTC/USDT",
    timeframe: "1h",
    strategy: {},
    active: true,
    created_at: "2026-11-20T00:00:00Z",
    updated_at: "2026-11-20T00:00:00Z",
    mirror: { state: "mirrored", mirrored_at: "2026-11-20T00:00:01Z" },
    ...changes,
  };
}

/** Hourly candles, newest first as the API has them; the newest closed at `closedAt`. */
export function candlesSample(closes: readonly number[], closedAt = "2026-11-27T02:00:00Z"): CandleRow[] {
  return closes
    .map((close, at): CandleRow => {
      const closed = Date.parse(closedAt) - (closes.length - 1 - at) * HOUR_MS;
      return {
        symbol: "BTC/USDT",
        timeframe: "1h",
        opened_at: new Date(closed - HOUR_MS).toISOString(),
        closed_at: new Date(closed).toISOString(),
        open: close,
        high: close,
        low: close,
        close,
        volume: 1,
        volume_usd: null,
        trades_count: null,
        vwap: null,
        exchange: "binance",
        source: "exchange",
      };
    })
    .reverse();
}

/** A day of them, from one price to another. */
export function daySample(first: number, last: number, closedAt?: string): CandleRow[] {
  return candlesSample([first, ...Array.from({ length: 24 }, () => last)], closedAt);
}

export function signalSample(changes: Partial<SignalRow> = {}): SignalRow {
  return {
    id: "c41a1e5e-49bf-490e-9c17-b5d16a1be0e6",
    symbol: "BTC/USDT",
    timeframe: "1h",
    opened_at: "2026-11-27T01:00:00Z",
    closed_at: "2026-11-27T02:00:00Z",
    created_at: "2026-11-27T02:00:01Z",
    expires_at: "2026-11-28T02:00:00Z",
    strategy_version: "blend-2",
    origin: "live",
    source: null,
    direction: "long",
    regime: "trending",
    score: 0.64,
    strength: 64,
    confidence: 0.58,
    entry_price: 60_000,
    targets: [61_000],
    stop_price: 59_000,
    risk_reward: 1,
    expected_value: 0.01,
    verdict: "act",
    reasons: [],
    outcomes: [],
    ...changes,
  };
}

export function winRateSample(changes: Partial<WinRateRow> = {}): WinRateRow {
  return {
    symbol: "BTC/USDT",
    timeframe: "1h",
    strategy_version: "blend-2",
    direction: "all",
    horizon: "24h",
    lookback_days: 365,
    origin: "all",
    n: 842,
    n_effective: 162,
    wins: 356,
    losses: 428,
    expired: 58,
    rate: 0.42,
    low: 0.35,
    high: 0.5,
    baseline: 0.32,
    expectancy: 0.001,
    profit_factor: 1.1,
    computed_at: "2026-11-27T02:00:02Z",
    ...changes,
  };
}

export function marketSample(changes: Partial<Market> = {}): Market {
  return {
    watched: watchedSample(),
    candles: daySample(100, 110),
    signal: signalSample(),
    winRate: winRateSample(),
    error: null,
    ...changes,
  };
}
