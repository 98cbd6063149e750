import { keepPreviousData, useInfiniteQuery, useQueries, useQuery } from "@tanstack/react-query";
import { useApi } from "~/api/ApiProvider";
import { daysUntil, monthsOf, spentOn } from "./days";
import { type Filter, queryOf } from "./filter";

const PAGE_ROWS = 25;
const ROWS_FOR_SIZE = 50;
const RARELY_MS = 600_000;

/** The same key as the balance beside the navigation: asked once, pushed to both. */
export function useBalance() {
  const api = useApi();
  return useQuery({ queryKey: ["credits", "balance"], queryFn: () => api.get("/v1/credits") });
}

export function useHistory(filter: Filter) {
  const api = useApi();
  return useInfiniteQuery({
    queryKey: ["credits", "history", filter],
    queryFn: ({ pageParam }) =>
      api.get("/v1/credits/history", {
        query: { ...queryOf(filter), limit: PAGE_ROWS, ...(pageParam && { cursor: pageParam }) },
      }),
    initialPageParam: "",
    getNextPageParam: page => page.next,
    placeholderData: keepPreviousData,
  });
}

/** The newest answers that were paid for: what a question of this user usually takes. */
export function useNewestCharges() {
  const api = useApi();
  return useQuery({
    queryKey: ["credits", "newest-charges"],
    queryFn: () => api.get("/v1/credits/history", { query: { kind: "charge", limit: ROWS_FOR_SIZE } }),
  });
}

export function useStatement(month: string) {
  const api = useApi();
  return useQuery({
    queryKey: ["credits", "statement", month],
    queryFn: () => api.get("/v1/credits/statements/{month}", { path: { month } }),
    placeholderData: keepPreviousData,
  });
}

export function useSpending(now: Date) {
  const api = useApi();
  const days = daysUntil(now);
  const statements = useQueries({
    queries: monthsOf(days).map(month => ({
      queryKey: ["credits", "statement", month],
      queryFn: () => api.get("/v1/credits/statements/{month}", { path: { month } }),
    })),
  });
  const told = statements.flatMap(({ data }) => data ?? []);
  return {
    spent: told.length === statements.length ? spentOn(days, told) : null,
    error: statements.find(({ error }) => error)?.error ?? null,
    refetch: () => statements.forEach(statement => void statement.refetch()),
  };
}

export function useModels() {
  const api = useApi();
  return useQuery({ queryKey: ["models"], queryFn: () => api.get("/v1/models"), staleTime: RARELY_MS });
}

export function useProfile() {
  const api = useApi();
  return useQuery({
    queryKey: ["profile"],
    queryFn: () => api.get("/v1/user/profile"),
    staleTime: RARELY_MS,
  });
}
