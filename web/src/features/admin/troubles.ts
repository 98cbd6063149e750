/** What is wrong, the worst first, and where on the page one can do something about it. Pure. */

import type { Health, ProviderOverview, QueueOverview } from "@zmarty/client";
import { duration, whole } from "~/format";
import type { PartName } from "./partNames";
import { counted } from "./words";
import { stateOfWorker } from "./workers";

export interface Trouble {
  tone: "bad" | "warn";
  text: string;
  part: PartName;
}

/** The API's own reasons, by what they are about. What is new to us still stands there, under Health. */
const PLACES: [RegExp, PartName, Trouble["tone"]][] = [
  [/^the \w+ database does not answer/, "health", "bad"],
  [/^no worker is running/, "queues", "bad"],
  [/^the keys of the auth server/, "health", "bad"],
  [/^the oldest message of /, "queues", "bad"],
  [/^worker .* has not got on/, "queues", "warn"],
  [/^queue .* is paused/, "queues", "warn"],
  [/^a transaction that is open/, "queues", "warn"],
  [/^provider /, "providers", "warn"],
  [/^the mirror is /, "mirror", "warn"],
  [/refused by the trading database/, "mirror", "warn"],
  [/^schedule /, "schedules", "warn"],
];

/** A reason of /healthz as a line: with a capital, and seconds as people say them. */
export function troubleOf(reason: string): Trouble {
  const [, part, tone] = PLACES.find(([about]) => about.test(reason)) ?? [
    null,
    "health" as const,
    "warn" as const,
  ];
  const text = reason.replace(/\b(\d+) s\b/g, (_, seconds: string) => duration(Number(seconds)));
  return { tone, part, text: text.charAt(0).toUpperCase() + text.slice(1) };
}

export function troublesOf(
  health: Health | undefined,
  overview: QueueOverview | undefined,
  providers?: ProviderOverview | undefined,
): Trouble[] {
  const found = (health?.reasons ?? []).map(troubleOf);
  const dead = overview?.queues.reduce((sum, queue) => sum + queue.dead, 0) ?? 0;
  if (dead > 0) {
    const wait = dead === 1 ? "waits" : "wait";
    found.push({
      tone: "warn",
      part: "dead-letters",
      text: `${counted(dead, "dead letter")} ${wait} for an operator`,
    });
  }
  const silent = overview?.workers.filter(worker => stateOfWorker(worker) === "silent") ?? [];
  // That none is left is told by the API already.
  if (overview && silent.length > 0 && silent.length < overview.workers.length) {
    const names = silent.map(worker => worker.worker_id).join(", ");
    found.push({ tone: "warn", part: "queues", text: `No sign of life from ${names}` });
  }
  for (const provider of providers?.providers ?? []) {
    const open = Object.entries(provider.models ?? {}).filter(([, breaker]) => breaker === "open");
    if (open.length > 0) {
      const names = open.map(([model]) => model).join(", ");
      found.push({ tone: "warn", part: "providers", text: `The breaker of ${names} is open` });
    }
  }
  for (const vendor of providers?.vendors ?? []) {
    if (vendor.paused_until)
      found.push({ tone: "warn", part: "providers", text: `${vendor.vendor} is paused` });
    else if (vendor.is_low && vendor.monthly_quota)
      found.push({
        tone: "warn",
        part: "providers",
        text: `${vendor.vendor} has used ${whole(vendor.requests)} of ${whole(vendor.monthly_quota)} requests this month`,
      });
  }
  return [...found.filter(one => one.tone === "bad"), ...found.filter(one => one.tone !== "bad")];
}

/** Whether the API calls this schedule late; it knows how long each may pause. */
export function isLate(reasons: readonly string[], database: string, job: string): boolean {
  return reasons.includes(`schedule ${job} of the ${database} database is late`);
}
