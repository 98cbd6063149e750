import type { Market } from "~/features/markets/market";
import { courseOf } from "~/market";

/** How far a symbol has come since it was chosen. Pure. */

export const STAGES = [
  { key: "saved", name: "Saved" },
  { key: "mirrored", name: "Set up" },
  { key: "candles", name: "Candles" },
  { key: "indicators", name: "Indicators" },
  { key: "signal", name: "Signal" },
] as const;

export interface Progress {
  /** How many stages are done. */
  done: number;
  isParked: boolean;
  text: string;
}

/** `hasIndicators`: undefined while that is not known. What came later proves what comes before it. */
export function progressOf(
  { watched, candles, signal }: Pick<Market, "watched" | "candles" | "signal">,
  hasIndicators: boolean | undefined,
): Progress {
  if (watched.mirror.state === "parked") {
    return { done: 1, isParked: true, text: "This symbol was not accepted. Remove it, or try another one." };
  }
  const count = candles ? courseOf(candles).length : 0;
  if (signal) return { done: 5, isParked: false, text: "Ready" };
  if (hasIndicators) return { done: 4, isParked: false, text: "Judging the newest candle" };
  if (count > 0) return { done: 3, isParked: false, text: "Computing indicators" };
  if (watched.mirror.state === "mirrored") {
    return { done: 2, isParked: false, text: "Loading history from the exchange" };
  }
  return { done: 1, isParked: false, text: "Setting it up" };
}

/** Where all symbols together stand, 0 to 1. */
export function shareOf(progresses: readonly Progress[]): number {
  if (progresses.length === 0) return 0;
  const done = progresses.reduce(
    (sum, progress) => sum + (progress.isParked ? STAGES.length : progress.done),
    0,
  );
  return done / (progresses.length * STAGES.length);
}

/** The signal to show first: one that says something, and the strongest of those. */
export function firstOf<T extends Pick<Market, "signal">>(markets: readonly T[]): T | null {
  const [first] = markets.filter(market => market.signal).sort((one, other) => weight(other) - weight(one));
  return first ?? null;
}

function weight({ signal }: Pick<Market, "signal">): number {
  return signal ? signal.strength + (signal.direction === "flat" ? 0 : 100) : -1;
}
