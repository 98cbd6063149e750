/** What the workers' heartbeats say. Their numbers are of any shape: another version may have written them. Pure. */

import type { Worker } from "@zmarty/client";

const SILENT_SECONDS = 60;
const STALLED_SECONDS = 180;

export type WorkerState = "working" | "stalled" | "silent";

export function stateOfWorker(
  worker: Pick<Worker, "beat_age_seconds" | "progress_age_seconds">,
): WorkerState {
  if (worker.beat_age_seconds > SILENT_SECONDS) return "silent";
  return worker.progress_age_seconds > STALLED_SECONDS ? "stalled" : "working";
}

export interface Labour {
  /** Deliveries that ended, whatever way. */
  ended: number;
  done: number;
  inFlight: number;
  retries: number;
  renewed: number;
  lost: number;
  milliseconds: number;
}

/** The sum over a worker's queues, or one queue's alone. */
export function labourOf(worker: Pick<Worker, "metrics">, queue?: string): Labour {
  const chosen = queue === undefined ? Object.values(worker.metrics) : [worker.metrics[queue]];
  const sum: Labour = { ended: 0, done: 0, inFlight: 0, retries: 0, renewed: 0, lost: 0, milliseconds: 0 };
  for (const numbers of chosen) {
    const endings = Object.values(partOf(numbers, "endings")).map(numeric);
    sum.ended += endings.reduce((all, count) => all + count, 0);
    sum.done += numeric(partOf(numbers, "endings").done);
    sum.inFlight += numeric(record(numbers).in_flight);
    sum.retries += numeric(record(numbers).retries);
    sum.renewed += numeric(record(numbers).leases_renewed);
    sum.lost += numeric(record(numbers).leases_lost);
    sum.milliseconds += numeric(record(numbers).duration_ms_total);
  }
  return sum;
}

/** Deliveries of a queue that ended, over all workers. They count from their start. */
export function endedOf(workers: readonly Pick<Worker, "metrics">[], queue: string): number {
  return workers.reduce((sum, worker) => sum + labourOf(worker, queue).ended, 0);
}

function record(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

function partOf(value: unknown, name: string): Record<string, unknown> {
  return record(record(value)[name]);
}

function numeric(value: unknown): number {
  return typeof value === "number" && Number.isFinite(value) ? value : 0;
}
