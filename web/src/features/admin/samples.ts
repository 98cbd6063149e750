/** What was seen of the queues while the page was open, kept for this tab: a reload does not empty the charts. */

import type { QueueOverview } from "@zmarty/client";
import { endedOf } from "./workers";

const KEY = "zmarty-admin-looks";
export const WINDOW_MS = 30 * 60_000;
/** Answers that lie closer are one look: a storm of events must not fill the storage. */
const APART_MS = 2_000;
const RATE_MS = 60_000;
/** Workers tell of their work every few seconds; over less than this a rate is a guess. */
const RATE_MIN_MS = 15_000;

/** Depth, age of the oldest due message in seconds, deliveries ended so far. */
type Standing = readonly [depth: number, age: number, ended: number];

export interface Look {
  time: number;
  queues: Record<string, Standing>;
}

export interface Point {
  time: number;
  value: number;
}

export function lookAt(overview: QueueOverview, time: number): Look {
  const queues: Record<string, Standing> = {};
  for (const queue of overview.queues) {
    queues[queue.name] = [queue.depth, queue.oldest_age_seconds ?? 0, endedOf(overview.workers, queue.name)];
  }
  return { time, queues };
}

/** The looks with one more; those out of the window, and from a clock that was set back, go. */
export function withLook(looks: readonly Look[], look: Look): Look[] {
  const kept = looks.filter(one => one.time < look.time && look.time - one.time < WINDOW_MS);
  const [newest, before] = [kept.at(-1), kept.at(-2)];
  const isClose =
    newest && before && look.time - newest.time < APART_MS && newest.time - before.time < APART_MS;
  return [...(isClose ? kept.slice(0, -1) : kept), look];
}

/** One queue's, or the sum of all. The age of all is that of the oldest. */
function standing(look: Look, queue: string | null): Standing {
  if (queue !== null) return look.queues[queue] ?? [0, 0, 0];
  return Object.values(look.queues).reduce<Standing>(
    ([depth, age, ended], one) => [depth + one[0], Math.max(age, one[1]), ended + one[2]],
    [0, 0, 0],
  );
}

export function depths(looks: readonly Look[], queue: string | null): Point[] {
  return looks.map(look => ({ time: look.time, value: standing(look, queue)[0] }));
}

export function ages(looks: readonly Look[], queue: string | null): Point[] {
  return looks.map(look => ({ time: look.time, value: standing(look, queue)[1] }));
}

/** Messages a minute, each over about the minute before it. What cannot be told has no point. */
export function rates(looks: readonly Look[], queue: string | null): Point[] {
  const counts = looks.map(look => ({ time: look.time, ended: standing(look, queue)[2] }));
  return counts.flatMap(({ time, ended }, index) => {
    const earlier = counts.find((one, place) => place < index && time - one.time <= RATE_MS);
    if (!earlier || time - earlier.time < RATE_MIN_MS) return [];
    // Workers count from their start: a restart makes the sum fall.
    if (ended < earlier.ended) return [];
    return [{ time, value: ((ended - earlier.ended) * 60_000) / (time - earlier.time) }];
  });
}

/** As many looks as a minute can hold; no more are needed for its rate. */
const RATE_LOOKS = 40;

/** The newest rate; null while that cannot be told. */
export function rateNow(looks: readonly Look[], queue: string | null): number | null {
  const newest = looks.at(-1);
  const last = rates(looks.slice(-RATE_LOOKS), queue).at(-1);
  return newest && last?.time === newest.time ? last.value : null;
}

export function readLooks(): Look[] {
  try {
    const kept: unknown = JSON.parse(sessionStorage.getItem(KEY) ?? "[]");
    return Array.isArray(kept)
      ? (kept as Look[]).filter(one => typeof one?.time === "number" && one.queues)
      : [];
  } catch {
    return [];
  }
}

export function keepLooks(looks: readonly Look[]): void {
  // A full or forbidden storage costs the charts their memory, nothing else.
  try {
    sessionStorage.setItem(KEY, JSON.stringify(looks));
  } catch {
    return;
  }
}
