/** Spending day by day, in UTC as the API counts days. Pure. */

import type { StatementAnswer } from "@zmarty/client";

export const DAYS_SHOWN = 14;
const DAY_MS = 86_400_000;

export interface Spent {
  /** `2026-11-27`. */
  day: string;
  credits: number;
}

export function dayOf(time: Date): string {
  return time.toISOString().slice(0, 10);
}

export function monthOf(time: Date): string {
  return time.toISOString().slice(0, 7);
}

/** The days up to today, oldest first. */
export function daysUntil(now: Date, count = DAYS_SHOWN): string[] {
  return Array.from({ length: count }, (_, at) => dayOf(new Date(now.getTime() - (count - 1 - at) * DAY_MS)));
}

/** The months that these days lie in: one or two statements tell all of them. */
export function monthsOf(days: readonly string[]): string[] {
  return [...new Set(days.map(day => day.slice(0, 7)))];
}

/** Each day with what was spent, from the statements of its months. */
export function spentOn(days: readonly string[], statements: readonly StatementAnswer[]): Spent[] {
  const known = new Map(
    statements.flatMap(({ days: told }) => told.map(({ day, credits }) => [day, credits])),
  );
  return days.map(day => ({ day, credits: known.get(day) ?? 0 }));
}

export function sum(spent: readonly Spent[]): number {
  return spent.reduce((total, { credits }) => total + credits, 0);
}

/** Months from the newest back to the first one. */
export function monthsSince(since: Date, now: Date, most = 24): string[] {
  const months: string[] = [];
  for (let back = 0; back < most; back += 1) {
    const month = monthOf(new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - back, 1)));
    months.push(month);
    if (month <= monthOf(since)) break;
  }
  return months;
}

/** The top of the chart: a round number at or above the largest day. */
export function roundTop(most: number): number {
  // Half of it is a whole number, too.
  if (most <= 10) return Math.max(4, most + (most % 2));
  const size = 10 ** Math.floor(Math.log10(most));
  return [1, 2, 2.5, 5, 10].map(step => step * size).find(step => step >= most) ?? most;
}
