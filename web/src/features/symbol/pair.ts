import { TIMEFRAMES, type Timeframe } from "~/timeframes";

/** A pair as it stands in an address: `BTC-USDT`, and what people type: `btcusdt`, `btc`. */
export function symbolOf(path: string): string {
  const written = decodeURIComponent(path).toUpperCase();
  if (/[-/]/.test(written)) return written.replace("-", "/");
  const quoted = /^(.+)(USDT|USDC|USD|EUR|BTC)$/.exec(written);
  return quoted ? `${quoted[1]}/${quoted[2]}` : `${written}/USDT`;
}

export function timeframeOf(path: string): Timeframe | null {
  return TIMEFRAMES.find(known => known === path.toLowerCase()) ?? null;
}

/** Watched timeframes of a symbol in their order, with the one that is shown, and those that could be watched too. */
export function timeframesOf(
  watched: readonly { symbol: string; timeframe: Timeframe }[],
  symbol: string,
): { watched: Timeframe[]; others: Timeframe[] } {
  const known = new Set(watched.filter(pair => pair.symbol === symbol).map(pair => pair.timeframe));
  return {
    watched: TIMEFRAMES.filter(timeframe => known.has(timeframe)),
    others: TIMEFRAMES.filter(timeframe => !known.has(timeframe)),
  };
}
