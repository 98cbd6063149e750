/** Finding among recent errors. Pure. */

import type { RecentError } from "@zmarty/client";

export interface Filter {
  service: string;
  code: string;
  text: string;
}

export const NO_FILTER: Filter = { service: "", code: "", text: "" };

export function matching(errors: readonly RecentError[], { service, code, text }: Filter): RecentError[] {
  const words = text.trim().toLowerCase();
  return errors.filter(
    error =>
      (!service || error.service === service) &&
      (!code || error.code === code) &&
      (!words ||
        [error.message, error.request_id, error.queue].some(part => part?.toLowerCase().includes(words))),
  );
}

/** What there is to choose, with how often it occurs. */
export function choices(errors: readonly RecentError[], name: "service" | "code"): [string, number][] {
  const counts = new Map<string, number>();
  for (const error of errors) counts.set(error[name], (counts.get(error[name]) ?? 0) + 1);
  return [...counts].sort(([one], [other]) => one.localeCompare(other));
}
