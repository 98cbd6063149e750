/** Choosing dead letters, and telling what became of them. Pure. */

import type { DeadLetter } from "@zmarty/client";
import { whole } from "~/format";
import { counted } from "./words";

/** The API takes at most this many at once. */
export const LETTERS_MAX = 200;

export type Verb = "retry" | "discard";

/** One request: letters of one queue. */
export interface Batch {
  queue: string;
  ids: number[];
}

/** What a request came to: how many were done, or why none. */
export interface Outcome {
  queue: string;
  asked: number;
  done: number;
  error: string | null;
}

export function keyOf(letter: Pick<DeadLetter, "queue" | "msg_id">): string {
  return `${letter.queue}/${letter.msg_id}`;
}

/** What can be done about these: a letter without an original cannot be sent again, but can be put aside. */
export function doable(letters: readonly DeadLetter[], verb: Verb): DeadLetter[] {
  return verb === "retry" ? letters.filter(letter => letter.can_retry) : [...letters];
}

export function batchesOf(letters: readonly DeadLetter[]): Batch[] {
  const byQueue = new Map<string, number[]>();
  for (const { queue, msg_id } of letters) byQueue.set(queue, [...(byQueue.get(queue) ?? []), msg_id]);
  return [...byQueue].flatMap(([queue, ids]) =>
    Array.from({ length: Math.ceil(ids.length / LETTERS_MAX) }, (_, part) => ({
      queue,
      ids: ids.slice(part * LETTERS_MAX, (part + 1) * LETTERS_MAX),
    })),
  );
}

export interface Told {
  isGood: boolean;
  text: string;
}

/** "3 of 4 retried", and what is with the others. `left` were chosen but could not be asked for. */
export function told(verb: Verb, outcomes: readonly Outcome[], left = 0): Told {
  const asked = outcomes.reduce((sum, one) => sum + one.asked, left);
  const done = outcomes.reduce((sum, one) => sum + one.done, 0);
  const refused = outcomes.filter(one => one.error !== null);
  const gone = outcomes.reduce((sum, one) => sum + (one.error === null ? one.asked - one.done : 0), 0);
  const word = verb === "retry" ? "retried" : "discarded";
  const parts = [
    done === asked
      ? `${counted(done, "dead letter")} ${word}.`
      : `${whole(done)} of ${counted(asked, "dead letter")} ${word}.`,
  ];
  if (gone > 0) parts.push(`${whole(gone)} ${gone === 1 ? "was" : "were"} gone already.`);
  if (left > 0)
    parts.push(`${whole(left)} ${left === 1 ? "holds" : "hold"} no message that could be sent again.`);
  for (const { queue, asked: count, error } of refused) parts.push(`${queue} (${whole(count)}): ${error}`);
  return { isGood: refused.length === 0 && done > 0, text: parts.join(" ") };
}
