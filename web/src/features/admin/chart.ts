/** Where the points of a small chart lie. Pure. */

import type { Point } from "./samples";

const SPAN_MIN_MS = 60_000;
/** A longer pause between two points is a gap: nobody looked. */
const GAP_MS = 75_000;
export const HEIGHT = 32;

export interface Drawn {
  /** Runs of points without a gap, as `points` of a line. */
  lines: string[];
  /** The same with a bottom, to be filled. */
  areas: string[];
  highest: number;
  newest: number | null;
  from: number;
  to: number;
}

/** The chart grows from a minute to all there is, so that the first ones are charts already. */
export function drawn(points: readonly Point[]): Drawn {
  const to = points.at(-1)?.time ?? 0;
  const from = Math.min(points[0]?.time ?? to, to - SPAN_MIN_MS);
  const highest = points.reduce((most, point) => Math.max(most, point.value), 0);
  const place = (point: Point) => {
    const x = (100 * (point.time - from)) / (to - from);
    const y = HEIGHT - 1 - ((HEIGHT - 4) * point.value) / (highest || 1);
    return [x.toFixed(2), y.toFixed(2)] as const;
  };
  const runs = runsOf(points).map(run => run.map(place));
  const lines = runs.map(run => run.map(([x, y]) => `${x},${y}`).join(" "));
  const areas = runs.map(
    (run, index) => `${run[0]?.[0]},${HEIGHT} ${lines[index]} ${run.at(-1)?.[0]},${HEIGHT}`,
  );
  return { lines, areas, highest, newest: points.at(-1)?.value ?? null, from, to };
}

function runsOf(points: readonly Point[]): Point[][] {
  const runs: Point[][] = [];
  for (const point of points) {
    const run = runs.at(-1);
    const last = run?.at(-1);
    if (run && last && point.time - last.time <= GAP_MS) run.push(point);
    else runs.push([point]);
  }
  return runs;
}

/** The point that lies nearest to a share of the width. */
export function nearest(points: readonly Point[], share: number): Point | null {
  const { from, to } = drawn(points);
  const time = from + (to - from) * share;
  return points.reduce<Point | null>(
    (best, point) => (!best || Math.abs(point.time - time) < Math.abs(best.time - time) ? point : best),
    null,
  );
}
