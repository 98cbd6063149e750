import type { CandleRow, SignalRow, WatchedSymbol, WinRateRow } from "@zmarty/client";
import type { Tone } from "~/components/states";
import { duration } from "~/format";
import { changeOf, courseOf, freshnessOf } from "~/market";
import { TIMEFRAME_SECONDS } from "~/timeframes";

/** A watched symbol with what is known of it. undefined: still loading; null: there is none. Pure. */
export interface Market {
  watched: WatchedSymbol;
  candles: CandleRow[] | undefined;
  signal: SignalRow | null | undefined;
  winRate: WinRateRow | null | undefined;
  error: Error | null;
}

export function keyOf({ symbol, timeframe }: { symbol: string; timeframe: string }): string {
  return `${symbol} ${timeframe}`;
}

export type Health = "loading" | "pending" | "parked" | "empty" | "late" | "well" | "unknown";

export interface Status {
  health: Health;
  word: string;
  tone: Tone;
  /** What it means and what to do. */
  text: string;
}

export function statusOf(
  { watched, candles, error }: Pick<Market, "watched" | "candles" | "error">,
  now: Date,
): Status {
  if (watched.mirror.state === "parked") {
    return {
      health: "parked",
      word: "Not accepted",
      tone: "bad",
      text: "The trading side did not accept this symbol. We have been told. Remove it and add it again, or ask for help.",
    };
  }
  if (error && !candles) {
    return {
      health: "unknown",
      word: "Unknown",
      tone: "warn",
      text: "Its data could not be read. It is tried again by itself.",
    };
  }
  if (watched.mirror.state === "pending") {
    return {
      health: "pending",
      word: "Being set up",
      tone: "info",
      text: "It is saved, and on its way to the trading side. This takes a few seconds.",
    };
  }
  if (candles === undefined)
    return { health: "loading", word: "Loading", tone: "flat", text: "Its data is being read." };
  const newest = courseOf(candles).at(-1);
  if (!newest) {
    return {
      health: "empty",
      word: "Loading history",
      tone: "info",
      text: "Its candles are being fetched from the exchange. The first signal follows.",
    };
  }
  const { isLate, age, overdue } = freshnessOf(newest, watched.timeframe, now);
  if (isLate) {
    return {
      health: "late",
      word: "Data late",
      tone: "warn",
      text: `The last candle closed ${duration(age)} ago; the next one is ${duration(overdue)} late. It is fetched as soon as the exchange answers.`,
    };
  }
  return {
    health: "well",
    word: "Live",
    tone: "good",
    text: `The last candle closed ${duration(Math.max(0, age))} ago.`,
  };
}

export const ORDERS = [
  { value: "symbol", label: "Symbol" },
  { value: "change", label: "Change" },
  { value: "signal", label: "Signal strength" },
  { value: "win_rate", label: "Win rate" },
] as const;
export type Order = (typeof ORDERS)[number]["value"];

export const LEANINGS = [
  { value: "all", label: "All" },
  { value: "long", label: "Long" },
  { value: "short", label: "Short" },
  { value: "flat", label: "Flat" },
] as const;
export type Leaning = (typeof LEANINGS)[number]["value"];

export interface View {
  order: Order;
  isReversed: boolean;
  leaning: Leaning;
  search: string;
}

/** The markets as they are asked for. Numbers come largest first, and what has none comes last either way. */
export function arranged(markets: readonly Market[], { order, isReversed, leaning, search }: View): Market[] {
  const wanted = search.trim().toUpperCase().replace("-", "/");
  const shown = markets.filter(
    ({ watched, signal }) =>
      (leaning === "all" || signal?.direction === leaning) && watched.symbol.includes(wanted),
  );
  const bySymbol = (one: Market, other: Market) =>
    one.watched.symbol.localeCompare(other.watched.symbol) ||
    TIMEFRAME_SECONDS[one.watched.timeframe] - TIMEFRAME_SECONDS[other.watched.timeframe];
  const turn = isReversed ? -1 : 1;
  return shown.sort((one, other) => {
    if (order === "symbol") return turn * bySymbol(one, other);
    const [first, second] = [numberOf(one, order), numberOf(other, order)];
    if (first === null || second === null)
      return Number(first === null) - Number(second === null) || bySymbol(one, other);
    return turn * (second - first) || bySymbol(one, other);
  });
}

function numberOf(
  { watched, candles, signal, winRate }: Market,
  order: Exclude<Order, "symbol">,
): number | null {
  if (order === "change") return (candles && changeOf(candles, watched.timeframe)?.share) ?? null;
  if (order === "signal") return signal?.strength ?? null;
  return winRate?.rate ?? null;
}
