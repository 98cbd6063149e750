/** Conversations by the day on which something was last asked. Pure but for the language. */

import { day, numberLanguage } from "~/format";

export interface Group<T> {
  name: string;
  items: T[];
}

function midnight(time: Date): number {
  return new Date(time.getFullYear(), time.getMonth(), time.getDate()).getTime();
}

const DAY_MS = 86_400_000;
const WEEK_DAYS = 7;

export function dayName(time: string, now: Date = new Date()): string {
  const date = new Date(time);
  // Rounded, as two days of a year have an hour more or less.
  const days = Math.round((midnight(now) - midnight(date)) / DAY_MS);
  if (days <= 0) return "Today";
  if (days === 1) return "Yesterday";
  if (days < WEEK_DAYS) return new Intl.DateTimeFormat(numberLanguage(), { weekday: "long" }).format(date);
  return day(date);
}

/** In the order given, which is newest first. */
export function byDay<T extends { updated_at: string }>(
  items: readonly T[],
  now: Date = new Date(),
): Group<T>[] {
  const groups: Group<T>[] = [];
  for (const item of items) {
    const name = dayName(item.updated_at, now);
    const last = groups.at(-1);
    if (last?.name === name) last.items.push(item);
    else groups.push({ name, items: [item] });
  }
  return groups;
}
