// Numbers and times as people read them.
import { element } from "/pages/dom.js";

export function moment(text) {
  const when = new Date(text);
  const isToday = when.toDateString() === new Date().toDateString();
  return element("time", { datetime: text, title: when.toISOString(), class: "number" }, isToday ? when.toLocaleTimeString() : when.toLocaleString());
}

/** Commits in short; anything else as it is. */
export function version(text) {
  return /^[0-9a-f]{40}$/.test(text) ? text.slice(0, 10) : text;
}

export function duration(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 90) return `${whole} s`;
  if (whole < 5400) return `${Math.round(whole / 60)} min`;
  return whole < 172800 ? `${Math.round(whole / 3600)} h` : `${Math.round(whole / 86400)} d`;
}

export function bytes(count) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  const step = Math.min(units.length - 1, Math.floor(Math.log2(Math.max(1, count)) / 10));
  return `${(count / 1024 ** step).toFixed(step && count / 1024 ** step < 10 ? 1 : 0)} ${units[step]}`;
}

export function plural(count, one, many = `${one}s`) {
  return `${count.toLocaleString()} ${count === 1 ? one : many}`;
}

/** JSON with line breaks where it is an object, as it is where it is not. */
export function pretty(value) {
  return JSON.stringify(value, null, 2);
}
