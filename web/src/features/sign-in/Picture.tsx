import { ArrowUpRight } from "lucide-react";
import { useEffect, useState } from "react";
import { Badge } from "~/components/states";
import { decimal } from "~/format";
import style from "./picture.module.css";
import { type Bar, barAt, HIGHEST, LOWEST, PERIOD, storyAt } from "./walk";

const BARS = 34;
const WIDTH = 440;
const HEIGHT = 190;
const STEP = WIDTH / BARS;
const TICK_MS = 1_800;
/** Where it begins, and all of it where nothing is to move: shortly after a target was reached. */
const FIRST = 6 * PERIOD + 4;

/** How Zmarty watches a market, drawn small: bars come in, a signal is given, and it is told how it ended. */
export function Picture() {
  const newest = useTicks();
  const story = storyAt(newest);
  const hasEnded = newest >= story.reachedAt;
  const first = newest - BARS + 1;
  const left = Math.max(0, (story.at - first + 0.5) * STEP);
  const right = (Math.min(newest, story.reachedAt) - first + 0.5) * STEP;
  return (
    <figure className={style.picture} aria-label="An example of a signal on a chart, with made-up prices">
      <div className={style.head} aria-hidden>
        <span className={style.name}>
          BTC/USDT <span className="muted">1h</span>
        </span>
        <span className={style.direction}>
          <ArrowUpRight size={15} strokeWidth={2.4} />
          Long
        </span>
        {hasEnded ? <Badge tone="good">Target reached</Badge> : <Badge tone="info">Open</Badge>}
      </div>
      <svg className={style.chart} viewBox={`0 0 ${WIDTH} ${HEIGHT}`} aria-hidden="true">
        <rect
          className={style.gain}
          x={left}
          width={Math.max(0, right - left)}
          y={y(story.target)}
          height={y(story.entry) - y(story.target)}
        />
        <rect
          className={style.loss}
          x={left}
          width={Math.max(0, right - left)}
          y={y(story.entry)}
          height={y(story.stop) - y(story.entry)}
        />
        {Array.from({ length: BARS + 1 }, (_, place) => {
          const bar = barAt(first + place - 1);
          return <Candle key={bar.at} bar={bar} x={(place - 0.5) * STEP} />;
        })}
      </svg>
      <dl className={style.levels} aria-hidden>
        {(["target", "entry", "stop"] as const).map(name => (
          <div key={name}>
            <dt>{name}</dt>
            <dd className="num">{decimal(story[name] * 642, 0)}</dd>
          </div>
        ))}
      </dl>
      <figcaption className={style.caption}>An example with made-up prices</figcaption>
    </figure>
  );
}

function Candle({ bar, x }: { bar: Bar; x: number }) {
  const top = y(Math.max(bar.open, bar.close));
  return (
    <g
      className={style.candle}
      data-rises={bar.close >= bar.open || undefined}
      style={{ transform: `translateX(${x}px)` }}
    >
      <line y1={y(bar.high)} y2={y(bar.low)} />
      <rect
        x={-STEP * 0.32}
        width={STEP * 0.64}
        y={top}
        height={Math.max(1, y(Math.min(bar.open, bar.close)) - top)}
        rx={1}
      />
    </g>
  );
}

function y(price: number): number {
  return HEIGHT - ((price - LOWEST) / (HIGHEST - LOWEST)) * HEIGHT;
}

/** The newest bar; it stands still where motion is not wanted and while the tab is hidden. */
function useTicks(): number {
  const [at, setAt] = useState(FIRST);
  useEffect(() => {
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) return;
    const timer = setInterval(() => {
      if (!document.hidden) setAt(known => known + 1);
    }, TICK_MS);
    return () => clearInterval(timer);
  }, []);
  return at;
}
