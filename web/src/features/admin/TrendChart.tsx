import { type PointerEvent, useState } from "react";
import { duration } from "~/format";
import style from "./admin.module.css";
import { drawn, HEIGHT, nearest } from "./chart";
import type { Point } from "./samples";
import { clock } from "./words";

/** A small chart of what was seen while the page was open, with its newest and highest value in words. */
export function TrendChart({
  title,
  points,
  say,
  tone = "accent",
}: {
  title: string;
  points: readonly Point[];
  say: (value: number) => string;
  tone?: "accent" | "info" | "warn";
}) {
  const [pointed, setPointed] = useState<Point | null>(null);
  const { lines, areas, highest, newest, from, to } = drawn(points);
  const isDrawn = points.length > 1;
  const span = duration(Math.max(1, (to - (points[0]?.time ?? to)) / 1000));
  const point = (event: PointerEvent<SVGSVGElement>) => {
    const box = event.currentTarget.getBoundingClientRect();
    setPointed(nearest(points, (event.clientX - box.left) / box.width));
  };
  return (
    <figure className={style.chart} data-tone={tone}>
      <figcaption>
        <span className={style.tileName}>{title}</span>
        <strong className="num">{newest === null ? "–" : say((pointed ?? { value: newest }).value)}</strong>
        <span className={style.tileNote}>
          {pointed
            ? `at ${clock(pointed.time)}`
            : isDrawn
              ? `highest ${say(highest)} in ${span}`
              : "Watching begins now"}
        </span>
      </figcaption>
      <svg
        viewBox={`0 0 100 ${HEIGHT}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={
          newest === null
            ? `${title}: nothing seen yet`
            : `${title} over ${span}: now ${say(newest)}, highest ${say(highest)}`
        }
        onPointerMove={point}
        onPointerLeave={() => setPointed(null)}
      >
        <Lines lines={lines} areas={areas} />
        {pointed && to > from && (
          <line
            className={style.cross}
            x1={(100 * (pointed.time - from)) / (to - from)}
            x2={(100 * (pointed.time - from)) / (to - from)}
            y1={0}
            y2={HEIGHT}
          />
        )}
      </svg>
    </figure>
  );
}

/** The same without words, for a row. */
export function Sparkline({ name, points }: { name: string; points: readonly Point[] }) {
  const { lines, areas } = drawn(points);
  return (
    <svg
      className={style.spark}
      viewBox={`0 0 100 ${HEIGHT}`}
      preserveAspectRatio="none"
      role="img"
      aria-label={name}
    >
      <Lines lines={lines} areas={areas} />
    </svg>
  );
}

function Lines({ lines, areas }: { lines: string[]; areas: string[] }) {
  return (
    <>
      <line className={style.ground} x1={0} x2={100} y1={HEIGHT - 0.5} y2={HEIGHT - 0.5} />
      {areas.map(area => (
        <polygon key={area} points={area} />
      ))}
      {lines.map(line => (
        <polyline key={line} points={line} />
      ))}
    </>
  );
}
