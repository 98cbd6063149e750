/** Runs of schedules, by schedule. Pure. */

import type { CronRun } from "@zmarty/client";
import { isLate } from "./troubles";

export interface Schedule {
  database: string;
  job: string;
  cron: string;
  newest: CronRun;
  /** Those that ran, oldest first. */
  runs: CronRun[];
  failures: number;
  isLate: boolean;
  isFailed: boolean;
}

/** Late and failed ones first, then by name. The API gives the newest run first. */
export function schedulesOf(runs: readonly CronRun[], reasons: readonly string[]): Schedule[] {
  const found = new Map<string, CronRun[]>();
  for (const run of runs) {
    const key = `${run.database} ${run.job_name}`;
    found.set(key, [...(found.get(key) ?? []), run]);
  }
  const schedules = [...found.values()].flatMap(all => {
    const [newest] = all;
    if (!newest) return [];
    const ran = all.filter(run => run.started_at !== null).reverse();
    return [
      {
        database: newest.database,
        job: newest.job_name,
        cron: newest.schedule,
        newest,
        runs: ran,
        failures: ran.filter(run => run.status === "failed").length,
        isLate: isLate(reasons, newest.database, newest.job_name),
        isFailed: newest.status === "failed",
      },
    ];
  });
  return schedules.sort(
    (one, other) =>
      weight(other) - weight(one) ||
      one.database.localeCompare(other.database) ||
      one.job.localeCompare(other.job),
  );
}

function weight(schedule: Schedule): number {
  return (schedule.isFailed ? 4 : 0) + (schedule.isLate ? 2 : 0) + (schedule.failures > 0 ? 1 : 0);
}

const EVERY = /^\*\/(\d+)$/;

/** A cron line as people say it, for the forms we use; others as they are. Times are UTC. */
export function saidSchedule(cron: string): string {
  const [minute = "", hour = "", ...rest] = cron.split(" ");
  if (rest.some(part => part !== "*")) return cron;
  if (minute === "*" && hour === "*") return "every minute";
  const minutes = EVERY.exec(minute)?.[1];
  if (minutes && hour === "*") return `every ${minutes} minutes`;
  if (!/^\d+$/.test(minute)) return cron;
  if (hour === "*") return `hourly at :${minute.padStart(2, "0")}`;
  return /^\d+$/.test(hour) ? `daily at ${hour.padStart(2, "0")}:${minute.padStart(2, "0")} UTC` : cron;
}
