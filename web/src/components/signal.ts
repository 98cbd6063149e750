import type { SignalRow, WinRateRow } from "@zmarty/client";
import { TIMEFRAME_SECONDS } from "~/timeframes";
import type { Tone } from "./states";

/** What the card needs of a signal: all of it is in `SignalRow`, and in the signals that come beside an answer of the chat. */
export type ShownSignal = Pick<
  SignalRow,
  | "id"
  | "symbol"
  | "timeframe"
  | "opened_at"
  | "direction"
  | "strength"
  | "confidence"
  | "entry_price"
  | "targets"
  | "stop_price"
  | "verdict"
  | "expires_at"
> &
  Partial<Pick<SignalRow, "closed_at" | "origin" | "outcomes" | "source" | "risk_reward" | "regime">>;

export interface Level {
  name: string;
  price: number;
  kind: "target" | "entry" | "stop";
  /** How far from the entry, as a share of it. */
  distance: number;
  /** Where it stands between the lowest (0) and the highest (1) of all levels. */
  place: number;
}

/** The levels as they stand on a chart: the highest price first. Empty where there is nothing to reach. */
export function levelsOf(signal: Pick<ShownSignal, "entry_price" | "targets" | "stop_price">): Level[] {
  const entry = signal.entry_price;
  const found: Pick<Level, "name" | "price" | "kind">[] = [
    { name: "Entry", price: entry, kind: "entry" },
    ...signal.targets.map((target, order) => ({
      name: signal.targets.length > 1 ? `Target ${order + 1}` : "Target",
      price: target,
      kind: "target" as const,
    })),
  ];
  if (signal.stop_price !== null) found.push({ name: "Stop", price: signal.stop_price, kind: "stop" });
  if (found.length === 1) return [];
  const prices = found.map(level => level.price);
  const low = Math.min(...prices);
  const range = Math.max(...prices) - low || 1;
  return found
    .map(level => ({
      ...level,
      distance: entry === 0 ? 0 : (level.price - entry) / entry,
      place: (level.price - low) / range,
    }))
    .sort((one, other) => other.price - one.price);
}

/** When the signal could be known: when its candle closed. */
export function knownAt(signal: Pick<ShownSignal, "closed_at" | "opened_at" | "timeframe">): Date {
  if (signal.closed_at) return new Date(signal.closed_at);
  return new Date(new Date(signal.opened_at).getTime() + TIMEFRAME_SECONDS[signal.timeframe] * 1000);
}

export function hasExpired(signal: Pick<ShownSignal, "expires_at">, now: Date = new Date()): boolean {
  return new Date(signal.expires_at) <= now;
}

const VERDICTS: Record<string, { word: string; tone: Tone }> = {
  act: { word: "Act", tone: "good" },
  watch: { word: "Watch", tone: "info" },
  no_edge: { word: "No edge", tone: "flat" },
};

export function verdictOf(verdict: string): { word: string; tone: Tone } {
  return VERDICTS[verdict] ?? { word: verdict.replaceAll("_", " "), tone: "flat" };
}

const BARRIERS: Record<string, { word: string; tone: Tone }> = {
  target: { word: "Target reached", tone: "good" },
  stop: { word: "Stop reached", tone: "bad" },
  expiry: { word: "Ran out", tone: "flat" },
};

/** How the signal ended; null while it is open. */
export function endingOf(signal: Pick<ShownSignal, "outcomes">): { word: string; tone: Tone } | null {
  const first = signal.outcomes?.[0];
  return first ? (BARRIERS[first.barrier] ?? { word: first.barrier, tone: "flat" }) : null;
}

/** The horizon within which signals of a timeframe are judged first: the API's own choice, in orchestrator_api/chat/facts.py. */
const HORIZONS: Record<SignalRow["timeframe"], string> = {
  "1m": "24h",
  "5m": "24h",
  "15m": "24h",
  "30m": "24h",
  "1h": "24h",
  "4h": "7d",
  "1d": "30d",
  "1w": "30d",
};
/** With fewer cases than this in a month, a longer lookback says more. */
const CASES_LEAST = 30;

/** The win rate that belongs beside a signal, as an answer would quote it: of its direction and its timeframe's horizon; null when there is no record. */
export function winRateFor(
  rows: readonly WinRateRow[],
  signal: Pick<ShownSignal, "symbol" | "timeframe" | "direction">,
): WinRateRow | null {
  const direction = signal.direction === "flat" ? "all" : signal.direction;
  const fitting = rows
    .filter(
      row =>
        row.symbol === signal.symbol &&
        row.timeframe === signal.timeframe &&
        row.direction === direction &&
        row.horizon === HORIZONS[signal.timeframe] &&
        row.origin === "all" &&
        row.n > 0,
    )
    .sort((one, other) => one.lookback_days - other.lookback_days);
  // The most recent record that rests on enough cases, else the one that rests on most.
  return (
    fitting.find(row => row.n >= CASES_LEAST) ?? fitting.sort((one, other) => other.n - one.n)[0] ?? null
  );
}
