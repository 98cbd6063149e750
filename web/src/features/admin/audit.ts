/** The audit log as lines: the intent of an action and its result are one. Pure. */

import type { Action } from "@zmarty/client";

export interface Line {
  intent: Action;
  result: Action | null;
}

export type Ending = "done" | "failed" | "unknown";

/** An intent without a result is what somebody should look at. */
export function linesOf(rows: readonly Action[]): Line[] {
  const results = new Map(
    rows.flatMap(row => (row.result_of === null ? [] : [[row.result_of, row] as const])),
  );
  const known = new Set(rows.map(row => row.id));
  return rows
    .filter(row => row.result_of === null || !known.has(row.result_of))
    .map(row => ({ intent: row, result: results.get(row.id) ?? null }));
}

export function endingOf({ intent, result }: Line): Ending {
  const { action } = result ?? intent;
  if (action.endsWith("_failed")) return "failed";
  return action.endsWith("_requested") ? "unknown" : "done";
}

/** `queue_pause_requested` is "queue pause". */
export function actionOf(action: string): string {
  return action.replace(/_(requested|done|failed)$/, "").replaceAll("_", " ");
}

/** `user:3f… boss@example.com` is boss@example.com; who used the command line stands there as it is. */
export function personOf(actor: string): string {
  return actor.replace(/^user:[0-9a-f-]+ /, "");
}
