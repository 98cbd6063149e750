import type { CalibrationRow, CandleRow, SignalRow, WatchedSymbol, WinRateRow } from "@zmarty/client";

/** Rows as the API gives them, for tests. */

const HOUR_MS = 3_600_000;
export const START = Date.UTC(2026, 10, 26);

export function hour(count: number): string {
  return new Date(START + count * HOUR_MS).toISOString();
}

export function candle(count: number, changes: Partial<CandleRow> = {}): CandleRow {
  return {
    symbol: "BTC/USDT",
    timeframe: "1h",
    opened_at: hour(count),
    closed_at: hour(count + 1),
    open: 100,
    high: 110,
    low: 90,
    close: 100 + count,
    volume: 5,
    volume_usd: null,
    trades_count: null,
    vwap: null,
    exchange: "binance",
    source: "binance",
    ...changes,
  };
}

export function signal(count: number, changes: Partial<SignalRow> = {}): SignalRow {
  return {
    symbol: "BTC/USDT",
    timeframe: "1h",
    opened_at: hour(count),
    closed_at: hour(count + 1),
    id: `signal-${count}`,
    strategy_version: "blend-2",
    origin: "live",
    source: null,
    direction: "long",
    regime: "trending",
    score: 0.5,
    strength: 50,
    confidence: 0.45,
    entry_price: 100,
    targets: [110, 120],
    stop_price: 95,
    risk_reward: 2,
    expected_value: 0.01,
    verdict: "watch",
    reasons: [],
    expires_at: hour(count + 25),
    created_at: hour(count + 1),
    outcomes: [],
    ...changes,
  };
}

export function winRate(changes: Partial<WinRateRow> = {}): WinRateRow {
  return {
    symbol: "BTC/USDT",
    timeframe: "1h",
    strategy_version: "blend-2",
    direction: "all",
    horizon: "24h",
    lookback_days: 365,
    origin: "all",
    n: 841,
    n_effective: 162,
    wins: 356,
    losses: 428,
    expired: 57,
    rate: 0.423,
    low: 0.35,
    high: 0.5,
    baseline: 0.325,
    expectancy: -0.001,
    profit_factor: 0.87,
    computed_at: hour(2),
    ...changes,
  };
}

export function calibration(changes: Partial<CalibrationRow> = {}): CalibrationRow {
  return {
    symbol: "BTC/USDT",
    timeframe: "1h",
    strategy_version: "blend-2",
    direction: "all",
    n: 841,
    n_effective: 162,
    expired: 57,
    first_opened_at: hour(0),
    last_opened_at: hour(1),
    mean_confidence: 0.4,
    mean_share: 0.45,
    brier: 0.238,
    brier_base: 0.238,
    skill: 0,
    brier_earlier: null,
    brier_recent: null,
    psi: 0.04,
    drift: "none",
    reliability: [],
    computed_at: hour(2),
    ...changes,
  };
}

export function watched(changes: Partial<WatchedSymbol> = {}): WatchedSymbol {
  return {
    symbol: "BTC/USDT",
    timeframe: "1h",
    strategy: {},
    active: true,
    created_at: hour(0),
    updated_at: hour(0),
    mirror: { state: "mirrored", mirrored_at: hour(0) },
    ...changes,
  };
}
