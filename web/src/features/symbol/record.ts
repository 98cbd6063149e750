import type { CalibrationRow, Outcome, SignalRow, WinRateRow } from "@zmarty/client";
import { percent, whole } from "~/format";

/** Fewer independent outcomes than this say nothing about the next one. */
export const N_EFFECTIVE_MIN = 20;

const HORIZON_NAMES: Record<string, string> = { "24h": "24 hours", "7d": "7 days", "30d": "30 days" };

export function horizonName(horizon: string): string {
  return HORIZON_NAMES[horizon] ?? horizon;
}

function horizonHours(horizon: string): number {
  const count = Number.parseFloat(horizon) || Number.POSITIVE_INFINITY;
  return horizon.endsWith("d") ? count * 24 : horizon.endsWith("w") ? count * 168 : count;
}

export function byHorizon(one: { horizon: string }, other: { horizon: string }): number {
  return horizonHours(one.horizon) - horizonHours(other.horizon);
}

export type Origin = "all" | "live" | "backfill";

const DIRECTIONS = ["all", "long", "short"];

/** The rows of one origin and span, by horizon and then direction, of the strategy that has the most to tell. */
export function recordOf(
  rows: readonly WinRateRow[],
  { origin, days }: { origin: Origin; days: number },
): WinRateRow[] {
  const strategy = mainStrategy(rows);
  return rows
    .filter(row => row.origin === origin && row.lookback_days === days && row.strategy_version === strategy)
    .sort(
      (one, other) =>
        byHorizon(one, other) || DIRECTIONS.indexOf(one.direction) - DIRECTIONS.indexOf(other.direction),
    );
}

/** Our own rules of now; relayed signals have a record of their own. */
export function mainStrategy(
  rows: readonly { strategy_version: string; computed_at: string }[],
): string | null {
  const own = rows.filter(row => !row.strategy_version.startsWith("relay:"));
  const [newest] = [...(own.length > 0 ? own : rows)].sort(
    (one, other) => Date.parse(other.computed_at) - Date.parse(one.computed_at),
  );
  return newest?.strategy_version ?? null;
}

export function spansOf(rows: readonly WinRateRow[]): number[] {
  return [...new Set(rows.map(row => row.lookback_days))].sort((one, other) => one - other);
}

export type Standing = "none" | "few" | "better" | "worse" | "same";

/** What a rate says beside that of random entries: only an interval clear of it says anything. */
export function standingOf(
  row: Pick<WinRateRow, "n" | "n_effective" | "rate" | "low" | "high" | "baseline">,
): Standing {
  if (row.n === 0 || row.rate === null) return "none";
  if (row.n_effective < N_EFFECTIVE_MIN) return "few";
  if (row.baseline === null || row.low === null || row.high === null) return "same";
  if (row.low > row.baseline) return "better";
  if (row.high < row.baseline) return "worse";
  return "same";
}

export const STANDING_WORDS: Record<Standing, string> = {
  none: "None ended yet",
  few: "Too few to say",
  better: "Better than random",
  worse: "Worse than random",
  same: "About as random",
};

/** " (51%–72%)": where the rate may really be; nothing where that is not known. */
export function intervalWords({ low, high }: Pick<WinRateRow, "low" | "high">): string {
  return low === null || high === null ? "" : ` (${percent(low, 0)}–${percent(high, 0)})`;
}

/** One sentence for the whole record, for those who do not read tables. */
export function recordWords(row: WinRateRow | undefined): string {
  if (!row || row.rate === null) return "No signal has ended yet, so there is no win rate.";
  const standing = standingOf(row);
  const counted = `${percent(row.rate, 0)}${intervalWords(row)} of ${whole(row.n)} signals reached their target first`;
  if (standing === "few") {
    return `${counted}. These are worth only ${whole(row.n_effective)} independent ones: too few to say.`;
  }
  const baseline =
    row.baseline === null ? "" : `; random entries reached it ${percent(row.baseline, 0)} of the time`;
  const pays =
    row.expectancy === null
      ? ""
      : row.expectancy > 0
        ? ` After costs a signal earned ${percent(row.expectancy, 2)} on average.`
        : ` After costs a signal lost ${percent(-row.expectancy, 2)} on average.`;
  return `${counted}${baseline}.${pays}`;
}

export function outcomeAt(signal: SignalRow, horizon: string): Outcome | null {
  return signal.outcomes.find(outcome => outcome.horizon === horizon) ?? null;
}

/** The horizons that the signals were judged at. */
export function horizonsOf(signals: readonly SignalRow[]): string[] {
  const known = new Map(
    signals.flatMap(signal => signal.outcomes).map(outcome => [outcome.horizon, outcome]),
  );
  return [...known.values()].sort(byHorizon).map(outcome => outcome.horizon);
}

const LONG_CODES = /(_up|_above)$|^(oversold|risk_low)$/;
const SHORT_CODES = /(_down|_below)$|^(overbought|risk_high)$/;

export interface Reasoning {
  /** What the judgement rests on. */
  supports: string[];
  /** What speaks the other way. */
  against: string[];
  /** What leans neither way: context, how levels and confidence came about. */
  context: string[];
}

interface Reason {
  code: string;
  text: string;
}

/** The sentences of a signal; relayed ones are plain texts. */
export function reasonsIn(signal: Pick<SignalRow, "reasons">): Reason[] {
  return signal.reasons.flatMap(reason => {
    if (typeof reason === "string") return [{ code: "", text: reason }];
    if (typeof reason !== "object" || reason === null) return [];
    const { code, text } = reason as Record<string, unknown>;
    return typeof text === "string" ? [{ code: typeof code === "string" ? code : "", text }] : [];
  });
}

export function reasoningOf(signal: Pick<SignalRow, "reasons" | "direction">): Reasoning {
  const sorted: Reasoning = { supports: [], against: [], context: [] };
  for (const { code, text } of reasonsIn(signal)) {
    const leans = LONG_CODES.test(code) ? "long" : SHORT_CODES.test(code) ? "short" : null;
    if (code === "" || code === `score_${signal.direction}`) sorted.supports.push(text);
    else if (leans === null || signal.direction === "flat") sorted.context.push(text);
    else sorted[leans === signal.direction ? "supports" : "against"].push(text);
  }
  return sorted;
}

/** The curve of one pair and direction, of our own rules. */
export function calibrationOf(rows: readonly CalibrationRow[], direction: string): CalibrationRow | null {
  const strategy = mainStrategy(rows);
  return rows.find(row => row.strategy_version === strategy && row.direction === direction) ?? null;
}

/** Whether confidences were kept, in a sentence. */
export function calibrationWords(row: CalibrationRow): string {
  if (row.n_effective < N_EFFECTIVE_MIN || row.mean_confidence === null || row.mean_share === null) {
    return "Too few signals have ended to say whether confidences were kept.";
  }
  const miss = row.mean_share - row.mean_confidence;
  const claimed = `On average signals claimed ${percent(row.mean_confidence, 0)} and reached ${percent(row.mean_share, 0)}`;
  if (Math.abs(miss) < 0.03) return `${claimed}: confidences were kept.`;
  return miss > 0 ? `${claimed}: they were too careful.` : `${claimed}: they were too sure.`;
}
