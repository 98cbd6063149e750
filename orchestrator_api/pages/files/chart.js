// Small charts of what was sampled while the page was open, with their newest and highest value in words.
import { element } from "/pages/dom.js";
import { duration } from "/pages/format.js";

export const WINDOW_MS = 15 * 60 * 1000;
const SPAN_MIN_MS = 60 * 1000;
// A longer pause between two samples is a gap: nobody looked.
const GAP_MS = 30 * 1000;

/** A figure of `value(sample)` over at most the last quarter of an hour. `say` turns a value into words. */
export function chart(title, samples, value, say) {
  const now = Date.now();
  // The chart grows from a minute to its whole window, so that the first ones are charts already.
  const shown = Math.min(WINDOW_MS, Math.max(SPAN_MIN_MS, now - (samples[0]?.time ?? now)));
  const points = samples.map((sample) => ({ x: 100 - (100 * (now - sample.time)) / shown, y: value(sample), time: sample.time }));
  const highest = Math.max(...points.map((point) => point.y), 0);
  const newest = points.at(-1)?.y ?? 0;
  const span = points.length ? duration((now - points[0].time) / 1000) : "0 s";
  const drawn = svg("svg", { viewBox: "0 0 100 31", preserveAspectRatio: "none", role: "img", "aria-label": `${title} over ${span}: now ${say(newest)}, highest ${say(highest)}` });
  drawn.append(svg("line", { x1: 0, y1: 30.5, x2: 100, y2: 30.5 }));
  for (const run of runs(points)) {
    const line = run.map((point) => `${point.x.toFixed(2)},${(30 - (27 * point.y) / (highest || 1)).toFixed(2)}`).join(" ");
    drawn.append(svg("polygon", { points: `${run[0].x.toFixed(2)},30.5 ${line} ${run.at(-1).x.toFixed(2)},30.5` }), svg("polyline", { points: line }));
  }
  return element(
    "figure",
    { class: "chart" },
    element("figcaption", { class: "small soft" }, element("span", {}, title), element("span", { class: "number" }, highest ? `highest ${say(highest)}` : "")),
    drawn,
  );
}

function runs(points) {
  const found = [];
  for (const point of points) {
    const run = found.at(-1);
    if (run && point.time - run.at(-1).time <= GAP_MS) run.push(point);
    else found.push([point]);
  }
  return found;
}

function svg(name, attributes) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}
