/** Which movements to show: the form's state and what it asks the API for. Pure. */

import type { EntryAnswer } from "@zmarty/client";

export interface Filter {
  kind: EntryAnswer["kind"] | "";
  /** Days of the user's calendar, both included; "" for no bound. */
  from: string;
  to: string;
  model: string;
}

export const NO_FILTER: Filter = { kind: "", from: "", to: "", model: "" };

export function isFiltered(filter: Filter): boolean {
  return Object.values(filter).some(Boolean);
}

/** Why a filter cannot be asked for. */
export function faultOf({ from, to }: Filter): string | null {
  return from && to && from > to ? "The first day lies after the last one." : null;
}

export function queryOf({ kind, from, to, model }: Filter) {
  return {
    ...(kind && { kind }),
    ...(from && { from: startOf(from, 0) }),
    // The API's `to` is excluded: the next midnight.
    ...(to && { to: startOf(to, 1) }),
    ...(model && { model }),
  };
}

function startOf(day: string, later: number): string {
  const [year = 0, month = 1, date = 1] = day.split("-").map(Number);
  return new Date(year, month - 1, date + later).toISOString();
}
