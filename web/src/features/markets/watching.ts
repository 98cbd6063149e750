import { type QueryClient, useMutation, useQueries, useQuery, useQueryClient } from "@tanstack/react-query";
import { ApiError, type Client, type WatchedSymbol, type WatchRequest } from "@zmarty/client";
import { useEffect, useState } from "react";
import { useApi } from "~/api/ApiProvider";
import { winRateFor } from "~/components/signal";
import { symbolPath } from "~/format";
import { candlesOfSpan } from "~/market";
import type { Timeframe } from "~/timeframes";
import { keyOf, type Market } from "./market";

const WATCHED = ["symbols", "watch-list"];
const PAGE_ROWS = 200;
/** What a sparkline shows. */
export const SPARK_CANDLES = 48;
const LOOKBACK_DAYS = 365;

type Pair = Pick<WatchedSymbol, "symbol" | "timeframe">;

export function useWatched() {
  const api = useApi();
  return useQuery({ queryKey: WATCHED, queryFn: ({ signal }) => allWatched(api, signal) });
}

async function allWatched(api: Client, signal: AbortSignal): Promise<WatchedSymbol[]> {
  const items: WatchedSymbol[] = [];
  let cursor: string | null = null;
  do {
    const page: { items: WatchedSymbol[]; next: string | null } = await api.get("/v1/symbols", {
      query: { limit: PAGE_ROWS, cursor },
      signal,
    });
    items.push(...page.items);
    cursor = page.next;
  } while (cursor);
  return items;
}

/** Enough for the course and for the change, also where two exchanges give the same candles. */
function candlesFor(timeframe: Timeframe): number {
  return Math.min(PAGE_ROWS, Math.max(SPARK_CANDLES, 2 * candlesOfSpan(timeframe)));
}

/** What is known of each watched symbol; kept new by the live line. `pollMs` asks in between too. */
export function useMarkets(watched: readonly WatchedSymbol[], pollMs: number | false = false): Market[] {
  const api = useApi();
  const path = (pair: Pair) => ({ symbol: symbolPath(pair.symbol) });
  const candles = useQueries({
    queries: watched.map(pair => ({
      queryKey: ["candles", pair.symbol, pair.timeframe, "newest"],
      queryFn: ({ signal }: { signal: AbortSignal }) =>
        api.get("/v1/candles/{symbol}", {
          path: path(pair),
          query: { timeframe: pair.timeframe, limit: candlesFor(pair.timeframe) },
          signal,
        }),
      refetchInterval: pollMs,
    })),
  });
  const signals = useQueries({
    queries: watched.map(pair => ({
      queryKey: ["signals", pair.symbol, pair.timeframe, "newest", 1],
      queryFn: ({ signal }: { signal: AbortSignal }) =>
        api.get("/v1/signals/{symbol}", {
          path: path(pair),
          query: { timeframe: pair.timeframe, limit: 1 },
          signal,
        }),
      refetchInterval: pollMs,
    })),
  });
  const rates = useQueries({
    queries: watched.map(pair => ({
      queryKey: ["win-rates", pair.symbol, pair.timeframe, "all", LOOKBACK_DAYS],
      queryFn: ({ signal }: { signal: AbortSignal }) =>
        api.get("/v1/win-rates/{symbol}", {
          path: path(pair),
          query: {
            timeframe: pair.timeframe,
            direction: "all",
            origin: "all",
            lookback_days: LOOKBACK_DAYS,
          },
          signal,
        }),
    })),
  });
  return watched.map((pair, at) => {
    const [newest] = signals[at]?.data?.items ?? [];
    const known = rates[at]?.data?.items;
    return {
      watched: pair,
      candles: candles[at]?.data?.items,
      signal: signals[at]?.data ? (newest ?? null) : undefined,
      winRate: known && winRateFor(known, { ...pair, direction: "flat" }),
      error: candles[at]?.error ?? signals[at]?.error ?? null,
    };
  });
}

function changeWatched(cache: QueryClient, change: (rows: WatchedSymbol[]) => WatchedSymbol[]) {
  cache.setQueryData<WatchedSymbol[]>(WATCHED, rows => rows && change(rows));
}

/** Watch a symbol: in the list at once, and as the API has it a moment later. */
export function useWatch() {
  const api = useApi();
  const cache = useQueryClient();
  return useMutation({
    mutationFn: (body: Pick<WatchRequest, "symbol" | "timeframe"> & Partial<WatchRequest>) =>
      api.put("/v1/symbols", { body }),
    onSuccess: added =>
      changeWatched(cache, rows =>
        [...rows.filter(row => keyOf(row) !== keyOf(added)), added].sort((one, other) =>
          keyOf(one).localeCompare(keyOf(other)),
        ),
      ),
    onSettled: () => cache.invalidateQueries({ queryKey: ["symbols"] }),
  });
}

/** Stop watching: gone from the list at once, and back in it when the API refuses. */
export function useUnwatch() {
  const api = useApi();
  const cache = useQueryClient();
  return useMutation({
    mutationFn: ({ symbol, timeframe }: Pair) =>
      api.delete("/v1/symbols/{symbol}/{timeframe}", { path: { symbol: symbolPath(symbol), timeframe } }),
    onMutate: async pair => {
      await cache.cancelQueries({ queryKey: WATCHED });
      const before = cache.getQueryData<WatchedSymbol[]>(WATCHED);
      changeWatched(cache, rows => rows.filter(row => keyOf(row) !== keyOf(pair)));
      return { before };
    },
    onError: (_error, _pair, kept) => kept?.before && cache.setQueryData(WATCHED, kept.before),
    onSettled: () => cache.invalidateQueries({ queryKey: ["symbols"] }),
  });
}

/** How many symbols the plan allows; undefined while that is not known. */
export function useSymbolsMax(): number | undefined {
  const api = useApi();
  const { data } = useQuery({
    queryKey: ["profile"],
    queryFn: ({ signal }) => api.get("/v1/user/profile", { signal }),
  });
  return data?.plan.symbols_max;
}

/** Symbols that begin with what was typed. */
export function useInstruments(search: string) {
  const api = useApi();
  const asked = useLater(search.trim(), 200);
  const isAskable = /^[A-Za-z0-9]*[/-]?[A-Za-z0-9]*$/.test(asked) && asked.length <= 25;
  return useQuery({
    queryKey: ["instruments", asked.toUpperCase()],
    queryFn: ({ signal }) => api.get("/v1/instruments", { query: { search: asked, limit: 50 }, signal }),
    enabled: isAskable,
    staleTime: 300_000,
    placeholderData: known => known,
  });
}

function useLater<T>(value: T, ms: number): T {
  const [later, setLater] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setLater(value), ms);
    return () => clearTimeout(timer);
  }, [value, ms]);
  return later;
}

export interface WatchFailure {
  symbol: string;
  text: string;
  isLimit: boolean;
}

/** Watch several symbols one after the other; what was refused, and why. The plan's limit ends it: the rest would fail too. */
export async function watchAll(
  watch: (pair: Pair) => Promise<unknown>,
  symbols: readonly string[],
  timeframe: Timeframe,
): Promise<{ watched: string[]; failures: WatchFailure[] }> {
  const watched: string[] = [];
  const failures: WatchFailure[] = [];
  for (const symbol of symbols) {
    try {
      await watch({ symbol, timeframe });
      watched.push(symbol);
    } catch (error) {
      const isLimit = isPlanLimit(error);
      failures.push({ symbol, text: textOf(error), isLimit });
      if (isLimit) break;
    }
  }
  return { watched, failures };
}

export function isPlanLimit(error: unknown): boolean {
  return error instanceof ApiError && error.status === 403 && error.details.rule === "symbols_max";
}

function textOf(error: unknown): string {
  if (error instanceof ApiError && error.code === "field_invalid") {
    return "Write it as BASE/QUOTE, like BTC/USDT.";
  }
  return error instanceof Error ? error.message : "This did not work.";
}
