import { useQueries } from "@tanstack/react-query";
import type { WatchedSymbol } from "@zmarty/client";
import { useState } from "react";
import { useApi } from "~/api/ApiProvider";
import { keyOf, type Market } from "~/features/markets/market";
import { useMarkets } from "~/features/markets/watching";
import { symbolPath } from "~/format";
import { useLiveEvents } from "~/live/LiveProvider";
import { type Progress, progressOf } from "./progress";

/** A pair that is new to the live line may miss its first event: it is looked at now and then until its signal is there. */
const LOOK_MS = 5_000;

export interface Arrival extends Market {
  progress: Progress;
  /** What the live line told of it last. */
  news: string | null;
}

/** The watched symbols on their way to their first signal. */
export function useArrivals(watched: readonly WatchedSymbol[]): Arrival[] {
  const api = useApi();
  const [news, setNews] = useState<Record<string, string>>({});
  const [isComplete, setComplete] = useState(false);
  const markets = useMarkets(watched, isComplete ? false : LOOK_MS);
  const indicators = useQueries({
    queries: watched.map(({ symbol, timeframe }) => ({
      queryKey: ["indicators", symbol, timeframe, "any"],
      queryFn: ({ signal }: { signal: AbortSignal }) =>
        api.get("/v1/indicators/{symbol}", {
          path: { symbol: symbolPath(symbol) },
          query: { timeframe, source: "technical", limit: 1 },
          signal,
        }),
      refetchInterval: isComplete ? (false as const) : LOOK_MS,
    })),
  });
  useLiveEvents(({ type, data }) => {
    const told = wordsOf(type, data);
    if (told && typeof data.symbol === "string" && typeof data.timeframe === "string") {
      const key = keyOf({ symbol: data.symbol, timeframe: data.timeframe });
      setNews(known => ({ ...known, [key]: told }));
    }
  });
  const arrivals = markets.map((market, at) => {
    const found = indicators[at]?.data?.items;
    const progress = progressOf(market, found && found.length > 0);
    return { ...market, progress, news: news[keyOf(market.watched)] ?? null };
  });
  const isDone = arrivals.every(({ progress }) => progress.done === 5 || progress.isParked);
  if (isDone !== isComplete) setComplete(isDone);
  return arrivals;
}

function wordsOf(type: string, data: Record<string, unknown>): string | null {
  const count = typeof data.count === "number" ? data.count : 0;
  if (type === "candle") return count === 1 ? "1 candle arrived" : `${count} candles arrived`;
  if (type === "signal") return count === 1 ? "1 signal given" : `${count} candles judged`;
  return null;
}
