import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import type { CandleRow, SignalRow } from "@zmarty/client";
import { ApiError } from "@zmarty/client";
import { useCallback, useRef, useState } from "react";
import { useApi } from "~/api/ApiProvider";
import { QUIET_POLL_MS } from "~/api/queries";
import { useToast } from "~/components/toast";
import { symbolPath } from "~/format";
import type { Timeframe } from "~/timeframes";
import { type Growing, withNewest, withOlder } from "./growing";

/** How many rows one page has: the most that the API gives. */
const PAGE = 200;
/** While the first candles of a pair are fetched the page asks for them, in case their event is missed. */
const FIRST_POLL_MS = 4_000;
const SPARK_ROWS = 60;
const RISK_DAYS = 120;
const DAILY_MS = 300_000;

export interface Pair {
  symbol: string;
  timeframe: Timeframe;
}

/** A 404 of something that is not there yet is an answer, not a failure. */
export function isMissing(error: unknown): boolean {
  return error instanceof ApiError && (error.code === "not_found" || error.code === "not_enough_data");
}

export function isUnknownSymbol(error: unknown): boolean {
  return error instanceof ApiError && error.code === "symbol_unknown";
}

export function useWatched() {
  const api = useApi();
  return useQuery({
    queryKey: ["symbols", "of-symbol-page"],
    queryFn: async ({ signal }) =>
      (await api.get("/v1/symbols", { query: { limit: PAGE }, signal })).items.filter(pair => pair.active),
  });
}

export function useWatching() {
  const api = useApi();
  const cache = useQueryClient();
  const toast = useToast();
  const after = () => {
    for (const key of ["symbols", "candles", "signals", "indicators", "win-rates"])
      void cache.invalidateQueries({ queryKey: [key] });
  };
  const watch = useMutation({
    mutationFn: (pair: Pair) => api.put("/v1/symbols", { body: pair }),
    onSuccess: (_, { symbol, timeframe }) => {
      toast.done(`You watch ${symbol} ${timeframe}.`);
      after();
    },
    onError: toast.failed,
  });
  const unwatch = useMutation({
    mutationFn: ({ symbol, timeframe }: Pair) =>
      api.delete("/v1/symbols/{symbol}/{timeframe}", { path: { symbol: symbolPath(symbol), timeframe } }),
    onSuccess: (_, { symbol, timeframe }) => {
      toast.done(`You no longer watch ${symbol} ${timeframe}.`);
      after();
    },
    onError: toast.failed,
  });
  return { watch, unwatch };
}

type PageOf<Row> = (
  cursor: string | null,
  signal?: AbortSignal,
) => Promise<{ items: Row[]; next: string | null }>;

/** Rows by time that grow at both ends; see growing.ts. */
function useGrowing<Row extends { opened_at: string }>(
  queryKey: readonly unknown[],
  fetchPage: PageOf<Row>,
  nameOf: (row: Row) => string,
  pollsWhenEmpty: boolean,
) {
  const cache = useQueryClient();
  const query = useQuery({
    queryKey,
    queryFn: async ({ signal }) => {
      const page = await fetchPage(null, signal);
      return withNewest(cache.getQueryData<Growing<Row>>(queryKey), page, nameOf);
    },
    refetchInterval: ({ state }) => (pollsWhenEmpty && state.data?.rows.length === 0 ? FIRST_POLL_MS : false),
  });
  const isBusy = useRef(false);
  const [olderFailed, setOlderFailed] = useState(false);
  const key = JSON.stringify(queryKey);
  // biome-ignore lint/correctness/useExhaustiveDependencies: `key` stands for the parts of queryKey
  const loadOlder = useCallback(async () => {
    const known = cache.getQueryData<Growing<Row>>(queryKey);
    if (isBusy.current || !known?.older) return;
    isBusy.current = true;
    try {
      const page = await fetchPage(known.older);
      cache.setQueryData<Growing<Row>>(queryKey, now => now && withOlder(now, page, nameOf));
      setOlderFailed(false);
    } catch {
      setOlderFailed(true);
    } finally {
      isBusy.current = false;
    }
  }, [cache, key]);
  return { query, loadOlder, olderFailed };
}

const candleName = (row: CandleRow) => row.opened_at;
const signalName = (row: SignalRow) => row.id;

export function useCandles({ symbol, timeframe }: Pair, isWatched: boolean) {
  const api = useApi();
  return useGrowing<CandleRow>(
    ["candles", symbol, timeframe],
    (cursor, signal) =>
      api.get("/v1/candles/{symbol}", {
        path: { symbol: symbolPath(symbol) },
        query: { timeframe, limit: PAGE, cursor },
        signal,
      }),
    candleName,
    isWatched,
  );
}

export function useSignals({ symbol, timeframe }: Pair) {
  const api = useApi();
  return useGrowing<SignalRow>(
    ["signals", symbol, timeframe, "growing"],
    (cursor, signal) =>
      api.get("/v1/signals/{symbol}", {
        path: { symbol: symbolPath(symbol) },
        query: { timeframe, limit: PAGE, cursor },
        signal,
      }),
    signalName,
    false,
  );
}

export function useWinRates({ symbol, timeframe }: Pair) {
  const api = useApi();
  return useQuery({
    queryKey: ["win-rates", symbol, timeframe],
    queryFn: async ({ signal }) =>
      (
        await api.get("/v1/win-rates/{symbol}", {
          path: { symbol: symbolPath(symbol) },
          query: { timeframe, limit: PAGE },
          signal,
        })
      ).items,
  });
}

export function useCalibration({ symbol, timeframe }: Pair) {
  const api = useApi();
  return useQuery({
    // Counted anew together with the win rates.
    queryKey: ["win-rates", "calibration", symbol, timeframe],
    queryFn: async ({ signal }) =>
      (await api.get("/v1/calibration", { query: { symbol, timeframe, limit: PAGE }, signal })).items,
  });
}

/** The analysis of the newest candle; null while there is none. */
export function useIntelligence({ symbol, timeframe }: Pair) {
  const api = useApi();
  return useQuery({
    queryKey: ["indicators", "intelligence", symbol, timeframe],
    queryFn: ({ signal }) =>
      orNull(
        api.get("/v1/intelligence/market/{symbol}", {
          path: { symbol: symbolPath(symbol) },
          query: { timeframe },
          signal,
        }),
      ),
    // It is made a moment after its candle has been told.
    refetchInterval: QUIET_POLL_MS,
  });
}

export function useIndicators({ symbol, timeframe }: Pair) {
  const api = useApi();
  return useQuery({
    queryKey: ["indicators", symbol, timeframe],
    queryFn: async ({ signal }) =>
      (
        await api.get("/v1/indicators/{symbol}", {
          path: { symbol: symbolPath(symbol) },
          query: { timeframe, source: "technical", limit: SPARK_ROWS },
          signal,
        })
      ).items.reverse(),
  });
}

export function usePatterns({ symbol, timeframe }: Pair) {
  const api = useApi();
  return useQuery({
    queryKey: ["indicators", "patterns", symbol, timeframe],
    queryFn: async ({ signal }) =>
      (
        await api.get("/v1/intelligence/patterns/{symbol}", {
          path: { symbol: symbolPath(symbol) },
          query: { timeframe },
          signal,
        })
      ).items,
    refetchInterval: QUIET_POLL_MS,
  });
}

export function useEffectiveness({ symbol, timeframe }: Pair) {
  const api = useApi();
  return useQuery({
    queryKey: ["win-rates", "patterns", symbol, timeframe],
    queryFn: async ({ signal }) =>
      (
        await api.get("/v1/analysis/pattern-effectiveness", {
          query: { symbol, timeframe, direction: "all", origin: "all", limit: PAGE },
          signal,
        })
      ).items,
  });
}

export function useClusters(symbol: string) {
  const api = useApi();
  return useQuery({
    queryKey: ["market", "clusters", symbol],
    queryFn: async ({ signal }) =>
      (
        await api.get("/v1/liquidation/clusters/{symbol}", {
          path: { symbol: symbolPath(symbol) },
          query: { limit: 1 },
          signal,
        })
      ).maps,
    refetchInterval: QUIET_POLL_MS,
  });
}

export function useMonitor(symbol: string) {
  const api = useApi();
  return useQuery({
    queryKey: ["market", "monitor", symbol],
    queryFn: ({ signal }) =>
      orNull(api.get("/v1/liquidation/monitor/{symbol}", { path: { symbol: symbolPath(symbol) }, signal })),
    refetchInterval: QUIET_POLL_MS,
  });
}

export function useRisk(symbol: string) {
  const api = useApi();
  return useQuery({
    queryKey: ["market", "risk", symbol],
    queryFn: ({ signal }) =>
      orNull(
        api.get("/v1/risk/{symbol}", {
          path: { symbol: symbolPath(symbol) },
          query: { limit: RISK_DAYS },
          signal,
        }),
      ),
    refetchInterval: DAILY_MS,
  });
}

/** The user's work in progress that concerns the symbol. */
export function useRunningJobs(symbol: string) {
  const api = useApi();
  return useQuery({
    queryKey: ["jobs", "of-symbol-page"],
    queryFn: async ({ signal }) => (await api.get("/v1/jobs", { query: { limit: 20 }, signal })).items,
    select: jobs =>
      jobs.filter(job => (job.state === "queued" || job.state === "running") && job.detail.symbol === symbol),
  });
}

async function orNull<Answer>(asked: Promise<Answer>): Promise<Answer | null> {
  try {
    return await asked;
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}
