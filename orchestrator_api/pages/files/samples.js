// What the page has seen of each queue, kept for this tab: a reload does not empty the charts.
import { WINDOW_MS } from "/pages/chart.js";

const KEY = "zmarty.samples";
const RATE_MS = 60 * 1000;

let kept = read();

function read() {
  try {
    return JSON.parse(sessionStorage.getItem(KEY)) ?? {};
  } catch {
    return {};
  }
}

/** Remember how a queue stands now; returns what is known of it within the window of the charts. */
export function sample(queue, done) {
  const now = Date.now();
  const known = (kept[queue.name] ?? []).filter((one) => now - one.time < WINDOW_MS && one.time <= now);
  known.push({ time: now, depth: queue.depth, age: queue.oldest_age_seconds ?? 0, done });
  kept[queue.name] = known;
  return known;
}

export function save() {
  // A full or forbidden storage costs the charts their memory, nothing else.
  try {
    sessionStorage.setItem(KEY, JSON.stringify(kept));
  } catch {
    return;
  }
}

export function forget() {
  kept = {};
  sessionStorage.removeItem(KEY);
}

/** Messages a minute over about the last minute; null while that cannot be told. */
export function rate(known) {
  const newest = known.at(-1);
  const earlier = known.find((one) => newest.time - one.time <= RATE_MS && one !== newest);
  // Workers count from their start: a restart makes the sum fall.
  if (!earlier || newest.done < earlier.done) return null;
  return ((newest.done - earlier.done) * 60000) / (newest.time - earlier.time);
}
