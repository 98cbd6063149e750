/** Which of the cached answers an event makes old. Pure. */

import type { LiveEvent } from "@zmarty/client";

/** The first parts of their keys. */
const STALE_AFTER: Record<string, readonly string[]> = {
  watcher: ["symbols"],
  candle: ["candles", "indicators"],
  // A candle is told before its indicators are computed; its signal, after.
  signal: ["signals", "indicators"],
  win_rate: ["win-rates"],
  credits: ["credits"],
  job: ["jobs"],
  queue: ["admin"],
};

const SYMBOL = /^([A-Z0-9]{2,12})[/-]([A-Z0-9]{2,12})$/;
const TIMEFRAME = /^(1m|5m|15m|30m|1h|4h|1d|1w)$/;

/** Whether something was missed, or nothing is known yet: all of it has to be read anew. */
export function isGap({ type, data }: LiveEvent, isFirst: boolean): boolean {
  return type === "reset" || (type === "ready" && data.resumed === false && !isFirst);
}

/** Whether an answer with this key is old after the event. A key that names other symbols or timeframes is left alone. */
export function isStale(key: readonly unknown[], { type, data }: LiveEvent): boolean {
  if (!STALE_AFTER[type]?.includes(String(key[0]))) return false;
  return isOf(key, SYMBOL, data.symbol) && isOf(key, TIMEFRAME, data.timeframe);
}

function isOf(key: readonly unknown[], kind: RegExp, told: unknown): boolean {
  if (typeof told !== "string") return true;
  const named = key.filter((part): part is string => typeof part === "string" && kind.test(part));
  return named.length === 0 || named.some(name => name.replace("-", "/") === told);
}
