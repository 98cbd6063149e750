/** What the candles of a pair say of its price and of how new they are: the same on every page. Pure. */

import type { CandleRow } from "@zmarty/client";
import { TIMEFRAME_SECONDS, type Timeframe } from "./timeframes";

const DAY_SECONDS = 86_400;

/** The candles of one exchange each, oldest first: the API gives the newest first, and one for each exchange. */
export function courseOf(candles: readonly CandleRow[]): CandleRow[] {
  const byTime = new Map<string, CandleRow>();
  for (const candle of candles) if (!byTime.has(candle.opened_at)) byTime.set(candle.opened_at, candle);
  return [...byTime.values()].sort((one, other) => Date.parse(one.opened_at) - Date.parse(other.opened_at));
}

export interface Change {
  /** As a share of the earlier price. */
  share: number;
  /** Over how long. */
  seconds: number;
  /** That in words: "24 h". */
  over: string;
}

/** How far back the price is compared: a day; less where that would be hundreds of candles, a candle where one is longer. */
function spanOf(timeframe: Timeframe): number {
  const step = TIMEFRAME_SECONDS[timeframe];
  if (step >= DAY_SECONDS) return step;
  if (step >= TIMEFRAME_SECONDS["15m"]) return DAY_SECONDS;
  return step >= TIMEFRAME_SECONDS["5m"] ? DAY_SECONDS / 2 : 3_600;
}

/** How many candles that takes, and the one they are compared with. */
export function candlesOfSpan(timeframe: Timeframe): number {
  return spanOf(timeframe) / TIMEFRAME_SECONDS[timeframe] + 1;
}

/** How far the price went; null where there is no candle of then, as one far from that time would be another question. */
export function changeOf(candles: readonly CandleRow[], timeframe: Timeframe): Change | null {
  const course = courseOf(candles);
  const last = course.at(-1);
  if (!last) return null;
  const seconds = spanOf(timeframe);
  const at = Date.parse(last.closed_at) - seconds * 1000;
  const before = [...course].reverse().find(candle => Date.parse(candle.closed_at) <= at);
  if (!before || before.close === 0) return null;
  if (at - Date.parse(before.closed_at) > TIMEFRAME_SECONDS[timeframe] * 1000) return null;
  const over = seconds > DAY_SECONDS ? `${seconds / DAY_SECONDS} d` : `${seconds / 3_600} h`;
  return { share: last.close / before.close - 1, seconds, over };
}

export interface Freshness {
  isLate: boolean;
  /** Seconds since the newest candle closed. */
  age: number;
  /** Seconds since the next one was due; below zero before that. */
  overdue: number;
  /** When the next one is due. */
  nextAt: Date;
}

/** Exchanges and the way from them take a moment; longer candles are fetched less often. */
const GRACE_SECONDS_MIN = 120;
const GRACE_SECONDS_MAX = 1_800;
const GRACE_SHARE = 0.25;

/** Whether the newest candle is as new as it can be: late is the next one when it is long overdue. */
export function freshnessOf(
  newest: Pick<CandleRow, "closed_at">,
  timeframe: Timeframe,
  now: Date,
): Freshness {
  const step = TIMEFRAME_SECONDS[timeframe];
  const closed = Date.parse(newest.closed_at);
  const age = (now.getTime() - closed) / 1000;
  const overdue = age - step;
  const grace = Math.max(GRACE_SECONDS_MIN, Math.min(step * GRACE_SHARE, GRACE_SECONDS_MAX));
  return { isLate: overdue > grace, age, overdue, nextAt: new Date(closed + step * 1000) };
}
