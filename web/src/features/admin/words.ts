/** Small words and figures of the operators' page. Pure but for the language of numbers. */

import { decimal, duration, numberLanguage, whole } from "~/format";

export function counted(count: number, one: string, many = `${one}s`): string {
  return `${whole(count)} ${count === 1 ? one : many}`;
}

export function bytes(size: number): string {
  if (size < 1024) return `${whole(size)} B`;
  if (size < 1024 ** 2) return `${whole(size / 1024)} KB`;
  return `${decimal(size / 1024 ** 2, 1)} MB`;
}

/** Messages a minute: exact while they are few. */
export function perMinute(rate: number | null): string {
  if (rate === null) return "–";
  return `${rate > 0 && rate < 10 ? decimal(rate, 1) : whole(rate)}/min`;
}

/** A time of today, to the second. */
export function clock(time: number | string | Date): string {
  return new Intl.DateTimeFormat(numberLanguage(), { timeStyle: "medium" }).format(new Date(time));
}

/** A commit as people compare them; other versions as they are. */
export function version(name: string): string {
  return /^[0-9a-f]{40}$/.test(name) ? name.slice(0, 7) : name;
}

/** JSON for reading, as it was sent: a text keeps its quotes, so that it is not taken for an object. */
export function pretty(value: unknown): string {
  return JSON.stringify(value, null, 2) ?? "–";
}

/** `half_open` as words. */
export function spaced(name: string): string {
  return name.replaceAll("_", " ");
}

/** How long something waits; nothing waits for no time at all. */
export function waiting(seconds: number): string {
  return seconds === 0 ? "0 s" : duration(seconds);
}
