/** Which queues an operator should see first. Pure. */

import type { QueueStanding } from "@zmarty/client";

/** Longer than this and the API calls a queue late. */
const LATE_SECONDS = 900;

export type QueueState = "paused" | "late" | "working" | "idle";

export function stateOfQueue(queue: QueueStanding): QueueState {
  if (queue.paused_at !== null) return "paused";
  if ((queue.oldest_age_seconds ?? 0) > LATE_SECONDS) return "late";
  return queue.due + queue.in_flight > 0 ? "working" : "idle";
}

/**
 * What is wrong first. Queues that merely work keep their place by name: rows that swap while one reads are worse than
 * rows in any order.
 */
export function ordered(queues: readonly QueueStanding[]): QueueStanding[] {
  return [...queues].sort((one, other) => weight(other) - weight(one) || one.name.localeCompare(other.name));
}

function weight(queue: QueueStanding): number {
  const state = stateOfQueue(queue);
  return (state === "paused" ? 4 : 0) + (state === "late" ? 2 : 0) + (queue.dead > 0 ? 1 : 0);
}
