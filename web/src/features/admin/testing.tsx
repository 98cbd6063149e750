/** What the tests of this folder share: rows as the API sends them, and a page around a part. */

import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { render } from "@testing-library/react";
import type { DeadLetter, QueueOverview, QueueStanding, RecentError, Worker } from "@zmarty/client";
import type { ReactNode } from "react";
import { Router } from "wouter";
import { memoryLocation } from "wouter/memory-location";
import { ToastProvider } from "~/components/toast";

export function aQueue(name: string, over: Partial<QueueStanding> = {}): QueueStanding {
  return {
    name,
    depth: 0,
    due: 0,
    postponed: 0,
    in_flight: 0,
    oldest_age_seconds: null,
    total: 0,
    dead: 0,
    archived: 0,
    table_bytes: 32_768,
    dead_tuples: 0,
    paused_at: null,
    paused_by: null,
    ...over,
  };
}

export function aWorker(id: string, over: Partial<Worker> = {}): Worker {
  return {
    worker_id: id,
    version: "development",
    started_at: "2026-01-01T00:00:00Z",
    beat_at: "2026-01-01T01:00:00Z",
    beat_age_seconds: 2,
    progress_age_seconds: 3,
    metrics: {},
    ...over,
  };
}

export function anOverview(over: Partial<QueueOverview> = {}): QueueOverview {
  return { queues: [aQueue("compute_risk")], workers: [aWorker("worker")], horizon: null, ...over };
}

export function aLetter(queue: string, id: number, over: Partial<DeadLetter> = {}): DeadLetter {
  return {
    queue,
    msg_id: id,
    buried_at: "2026-01-01T00:00:00Z",
    can_retry: true,
    code: "symbol_unknown",
    error: `Letter ${id} failed`,
    traceback: null,
    attempts: 1,
    first_failed_at: "2026-01-01T00:00:00Z",
    last_failed_at: "2026-01-01T00:00:00Z",
    original: { symbol: "NOPE/USDT" },
    ...over,
  };
}

export function anError(id: number, over: Partial<RecentError> = {}): RecentError {
  return {
    database: "chat",
    id,
    service: "api",
    code: "timeout",
    message: "It took too long",
    request_id: null,
    queue: null,
    msg_id: null,
    occurred_at: "2026-01-01T00:00:00Z",
    ...over,
  };
}

/** Shows it as the app does, at an address of its own. */
export function show(children: ReactNode, path = "/admin") {
  const { hook, searchHook } = memoryLocation({ path });
  const cache = new QueryClient({
    defaultOptions: { queries: { retry: false }, mutations: { retry: false } },
  });
  return render(
    <QueryClientProvider client={cache}>
      <Router hook={hook} searchHook={searchHook}>
        <ToastProvider>{children}</ToastProvider>
      </Router>
    </QueryClientProvider>,
  );
}
