import style from "./charts.module.css";
import type { ChartTone } from "./Sparkline";
import { extentOf, linear, pathOf, ticks } from "./scale";
import { useWidth } from "./useWidth";

export interface ChartPoint {
  x: number;
  /** null: not known, the line stops. */
  y: number | null;
  /** The interval around it, drawn as a band or as whiskers. */
  low?: number | null;
  high?: number | null;
  /** How large its dot is, 0 … 1; none without. */
  weight?: number;
}

export interface ChartSeries {
  name: string;
  points: readonly ChartPoint[];
  tone?: ChartTone;
  interval?: "band" | "whiskers";
}

const AROUND = { top: 8, right: 10, bottom: 22, left: 44 };
const DOT_MIN = 3;
const DOT_MORE = 4;
const TICK_WIDTH = 84;
const TICK_HEIGHT = 44;

/** Lines over two axes. What it shows is told by `label`, and better by a table or a sentence beside it. */
export function LineChart({
  label,
  series,
  height = 220,
  xDomain,
  yDomain,
  xTick = String,
  yTick = String,
  xTicks,
  hasDiagonal = false,
}: {
  label: string;
  series: readonly ChartSeries[];
  height?: number;
  xDomain?: readonly [number, number];
  yDomain?: readonly [number, number];
  xTick?: (value: number) => string;
  yTick?: (value: number) => string;
  /** Where the marks of the x axis stand, for times. */
  xTicks?: readonly number[];
  /** The line where both axes are equal. */
  hasDiagonal?: boolean;
}) {
  const [ref, width] = useWidth<HTMLDivElement>();
  const points = series.flatMap(one => one.points);
  const xs = xDomain ?? extentOf(points.map(point => point.x));
  const ys = yDomain ?? extentOf(points.flatMap(point => [point.y, point.low, point.high]));
  return (
    <div className={style.chart} ref={ref} style={{ height }}>
      {width > 0 && xs && ys && (
        <Drawing
          {...{ label, series, height, width, xs, ys, xTick, yTick, hasDiagonal }}
          xTicks={xTicks ?? ticks(xs[0], xs[1], Math.max(2, Math.floor(width / TICK_WIDTH)))}
        />
      )}
    </div>
  );
}

function Drawing({
  label,
  series,
  height,
  width,
  xs,
  ys,
  xTick,
  yTick,
  xTicks,
  hasDiagonal,
}: {
  label: string;
  series: readonly ChartSeries[];
  height: number;
  width: number;
  xs: readonly [number, number];
  ys: readonly [number, number];
  xTick: (value: number) => string;
  yTick: (value: number) => string;
  xTicks: readonly number[];
  hasDiagonal: boolean;
}) {
  const left = AROUND.left;
  const right = width - AROUND.right;
  const bottom = height - AROUND.bottom;
  const x = linear(xs, [left, right]);
  const y = linear(ys, [bottom, AROUND.top]);
  const from = Math.max(xs[0], ys[0]);
  const to = Math.min(xs[1], ys[1]);
  return (
    <svg width={width} height={height} role="img" aria-label={label}>
      {ticks(ys[0], ys[1], Math.max(2, Math.floor(height / TICK_HEIGHT))).map(value => (
        <g key={value}>
          <line className={style.grid} x1={left} x2={right} y1={y(value)} y2={y(value)} />
          <text className={style.axis} x={left - 8} y={y(value)} dy="0.32em" textAnchor="end">
            {yTick(value)}
          </text>
        </g>
      ))}
      {xTicks.map(value => (
        <text
          key={value}
          className={style.axis}
          x={x(value)}
          y={height - 6}
          textAnchor={x(value) > right - 16 ? "end" : x(value) < left + 16 ? "start" : "middle"}
        >
          {xTick(value)}
        </text>
      ))}
      {hasDiagonal && to > from && (
        <line className={style.reference} x1={x(from)} y1={y(from)} x2={x(to)} y2={y(to)} />
      )}
      {series.map(one => (
        <g key={one.name} className={style.tone} data-tone={one.tone ?? "accent"}>
          {one.interval === "band" && <path className={style.band} d={bandOf(one.points, x, y)} />}
          {one.interval === "whiskers" &&
            one.points.map(
              point =>
                point.low != null &&
                point.high != null && (
                  <line
                    key={point.x}
                    className={style.whisker}
                    x1={x(point.x)}
                    x2={x(point.x)}
                    y1={y(point.low)}
                    y2={y(point.high)}
                  />
                ),
            )}
          <path
            className={style.line}
            d={pathOf(one.points.map(point => (point.y === null ? null : { x: x(point.x), y: y(point.y) })))}
          />
          {one.points.map(
            point =>
              point.weight !== undefined &&
              point.y !== null && (
                <circle
                  key={point.x}
                  className={style.point}
                  cx={x(point.x)}
                  cy={y(point.y)}
                  r={DOT_MIN + DOT_MORE * point.weight}
                />
              ),
          )}
        </g>
      ))}
    </svg>
  );
}

function bandOf(
  points: readonly ChartPoint[],
  x: (value: number) => number,
  y: (value: number) => number,
): string {
  const known = points.flatMap(point =>
    point.low != null && point.high != null
      ? [{ at: x(point.x), low: y(point.low), high: y(point.high) }]
      : [],
  );
  if (known.length < 2) return "";
  const upper = known.map(point => ({ x: point.at, y: point.high }));
  const lower = known.map(point => ({ x: point.at, y: point.low })).reverse();
  return `${pathOf([...upper, ...lower])}Z`;
}
