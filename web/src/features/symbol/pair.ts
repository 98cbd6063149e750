import type { CandleRow } from "@zmarty/client";

export type Timeframe = CandleRow["timeframe"];

/** How long one candle lasts, in seconds, shortest first. */
export const TIMEFRAMES: Record<Timeframe, number> = {
  "1m": 60,
  "5m": 300,
  "15m": 900,
  "30m": 1_800,
  "1h": 3_600,
  "4h": 14_400,
  "1d": 86_400,
  "1w": 604_800,
};
export const TIMEFRAME_NAMES: Record<Timeframe, string> = {
  "1m": "1 minute",
  "5m": "5 minutes",
  "15m": "15 minutes",
  "30m": "30 minutes",
  "1h": "1 hour",
  "4h": "4 hours",
  "1d": "1 day",
  "1w": "1 week",
};
export const ALL_TIMEFRAMES = Object.keys(TIMEFRAMES) as Timeframe[];

/** A pair as it stands in an address: `BTC-USDT`, and what people type: `btcusdt`, `btc`. */
export function symbolOf(path: string): string {
  const written = decodeURIComponent(path).toUpperCase();
  if (/[-/]/.test(written)) return written.replace("-", "/");
  const quoted = /^(.+)(USDT|USDC|USD|EUR|BTC)$/.exec(written);
  return quoted ? `${quoted[1]}/${quoted[2]}` : `${written}/USDT`;
}

export function timeframeOf(path: string): Timeframe | null {
  return ALL_TIMEFRAMES.find(known => known === path.toLowerCase()) ?? null;
}

/** Watched timeframes of a symbol in their order, with the one that is shown, and those that could be watched too. */
export function timeframesOf(
  watched: readonly { symbol: string; timeframe: Timeframe }[],
  symbol: string,
): { watched: Timeframe[]; others: Timeframe[] } {
  const known = new Set(watched.filter(pair => pair.symbol === symbol).map(pair => pair.timeframe));
  return {
    watched: ALL_TIMEFRAMES.filter(timeframe => known.has(timeframe)),
    others: ALL_TIMEFRAMES.filter(timeframe => !known.has(timeframe)),
  };
}
