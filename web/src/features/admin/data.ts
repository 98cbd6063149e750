/** What the operators' page asks of the API, and how often. */

import { type InfiniteData, useInfiniteQuery, useQuery, useQueryClient } from "@tanstack/react-query";
import { ApiError, type Client, type Health } from "@zmarty/client";
import { useCallback } from "react";
import { useApi } from "~/api/ApiProvider";
import { QUIET_POLL_MS } from "~/api/queries";

/** Queues are pushed, but the heartbeats of workers beside them are not, and the charts live from both. */
const QUEUES_POLL_MS = 10_000;
const ROWS = 50;

// `admin` is made old by every event of a queue. What queues say nothing about has a root of its own: adding up the whole
// ledger is not for every message that moves.
const PUSHED = "admin";
const POLLED = "operators";

export function useOverview() {
  const api = useApi();
  return useQuery({
    queryKey: [PUSHED, "queues"],
    queryFn: ({ signal }) => api.get("/v1/admin/queues", { signal }),
    refetchInterval: QUEUES_POLL_MS,
  });
}

/** A database that is down is an answer too, and the one that matters most: it comes with status 503. */
async function readHealth(api: Client, signal: AbortSignal): Promise<Health> {
  const { apiUrl, fetch: given } = api.connection;
  const response = await (given ?? fetch)(`${apiUrl}/healthz`, { signal });
  const told: unknown = await response.json().catch(() => null);
  if (typeof told === "object" && told !== null && "reasons" in told) return told as Health;
  throw new ApiError("unexpected_answer", `The server answered ${response.status}.`, response.status);
}

export function useHealth() {
  const api = useApi();
  return useQuery({
    queryKey: [POLLED, "health"],
    queryFn: ({ signal }) => readHealth(api, signal),
    refetchInterval: QUIET_POLL_MS,
  });
}

export function useProviders() {
  const api = useApi();
  return useQuery({
    queryKey: [POLLED, "providers"],
    queryFn: ({ signal }) => api.get("/v1/admin/providers", { signal }),
    refetchInterval: QUIET_POLL_MS,
  });
}

export function useCron() {
  const api = useApi();
  return useQuery({
    queryKey: [POLLED, "cron"],
    queryFn: ({ signal }) => api.get("/v1/admin/cron", { signal }),
    refetchInterval: QUIET_POLL_MS,
  });
}

export function useMoney() {
  const api = useApi();
  return useQuery({
    queryKey: [POLLED, "money"],
    queryFn: ({ signal }) => api.get("/v1/admin/money", { signal }),
    refetchInterval: 2 * QUIET_POLL_MS,
  });
}

interface Paged {
  next: string | null;
}

const PAGING = {
  initialPageParam: null as string | null,
  getNextPageParam: (page: Paged) => page.next,
};

export function rowsOf<Row>(data: InfiniteData<{ items: Row[] }> | undefined): Row[] {
  return data?.pages.flatMap(page => page.items) ?? [];
}

export function useLetters(queue: string | null) {
  const api = useApi();
  return useInfiniteQuery({
    ...PAGING,
    queryKey: [PUSHED, "dead-letters", queue],
    queryFn: ({ pageParam, signal }) =>
      api.get("/v1/admin/dead-letters", { query: { limit: ROWS, cursor: pageParam, queue }, signal }),
    refetchInterval: QUIET_POLL_MS,
  });
}

export function useMessages(queue: string) {
  const api = useApi();
  return useInfiniteQuery({
    ...PAGING,
    queryKey: [PUSHED, "messages", queue],
    queryFn: ({ pageParam, signal }) =>
      api.get("/v1/admin/queues/{queue}/messages", {
        path: { queue },
        query: { limit: ROWS, cursor: pageParam },
        signal,
      }),
  });
}

export function useOutbox() {
  const api = useApi();
  return useInfiniteQuery({
    ...PAGING,
    queryKey: [POLLED, "outbox"],
    queryFn: ({ pageParam, signal }) =>
      api.get("/v1/admin/outbox", { query: { limit: ROWS, cursor: pageParam }, signal }),
    refetchInterval: QUIET_POLL_MS,
  });
}

export function useErrors() {
  const api = useApi();
  return useInfiniteQuery({
    ...PAGING,
    queryKey: [POLLED, "errors"],
    queryFn: ({ pageParam, signal }) =>
      api.get("/v1/admin/errors", { query: { limit: ROWS, cursor: pageParam }, signal }),
    refetchInterval: QUIET_POLL_MS,
  });
}

export function useAudit() {
  const api = useApi();
  return useInfiniteQuery({
    ...PAGING,
    queryKey: [POLLED, "audit"],
    queryFn: ({ pageParam, signal }) =>
      api.get("/v1/admin/audit", { query: { limit: ROWS, cursor: pageParam }, signal }),
    refetchInterval: QUIET_POLL_MS,
  });
}

/** Read all anew that is shown: after an action, or when somebody asks for it. */
export function useReadAnew(): () => Promise<void> {
  const cache = useQueryClient();
  return useCallback(async () => {
    await Promise.all([PUSHED, POLLED].map(root => cache.invalidateQueries({ queryKey: [root] })));
  }, [cache]);
}
