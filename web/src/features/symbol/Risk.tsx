import type { RiskAnswer, RiskDay } from "@zmarty/client";
import { Sparkline } from "~/components/charts/Sparkline";
import { Empty } from "~/components/states";
import { day, decimal, price } from "~/format";
import { Loaded } from "./Panel";
import style from "./symbol.module.css";
import { useRisk } from "./useSymbol";

const SOURCES: Record<RiskAnswer["source"], string> = {
  anchors: "Read from our curve for this symbol.",
  regression: "Its distance from its own long-term trend.",
  percentile: "Its rank among its own past prices.",
};
const RARE = 1.45;
const COMMON = 1.15;

export function Risk({ symbol }: { symbol: string }) {
  const query = useRisk(symbol);
  return (
    <Loaded query={query} rows={3} rowHeight="3.5rem">
      {risk =>
        risk === null ? (
          <Empty title="No risk for this symbol yet">
            It needs some weeks of daily candles. They are fetched for watched symbols.
          </Empty>
        ) : (
          <Gauge risk={risk} />
        )
      }
    </Loaded>
  );
}

export function riskWords(value: number): string {
  if (value < 0.2) return "Very low";
  if (value < 0.4) return "Low";
  if (value < 0.6) return "Middling";
  if (value < 0.8) return "High";
  return "Very high";
}

export function rarityWords(rarity: number): string {
  if (rarity >= RARE) return "Rarely here";
  if (rarity <= COMMON) return "Often here";
  return "At times here";
}

/** The days that are measured as the newest is, oldest first: numbers of two rulers make no line. */
export function courseOf(days: readonly RiskDay[], source: RiskDay["source"]): number[] {
  return days
    .filter(one => one.source === source)
    .map(one => one.value)
    .reverse();
}

const SIZE = { width: 220, height: 122, radius: 92, stroke: 16 };
const BANDS = 10;
const GAP = 0.012;

function at(share: number, radius: number): { x: number; y: number } {
  const angle = Math.PI * (1 - share);
  return { x: SIZE.width / 2 + radius * Math.cos(angle), y: 108 - radius * Math.sin(angle) };
}

function arc(from: number, to: number): string {
  const start = at(from, SIZE.radius);
  const end = at(to, SIZE.radius);
  return `M${start.x.toFixed(2)} ${start.y.toFixed(2)}A${SIZE.radius} ${SIZE.radius} 0 0 1 ${end.x.toFixed(2)} ${end.y.toFixed(2)}`;
}

function toneOf(band: number): string {
  return band < 4 ? "long" : band < 7 ? "warn" : "short";
}

function Gauge({ risk }: { risk: RiskAnswer }) {
  const needle = at(risk.value, SIZE.radius - 20);
  const course = courseOf(risk.history.items, risk.source);
  const [low, high] = risk.band_range;
  return (
    <div className={style.risk} data-testid="risk">
      <figure>
        <svg
          viewBox={`0 0 ${SIZE.width} ${SIZE.height}`}
          role="img"
          aria-label={`Risk ${decimal(risk.value)} of 1: ${riskWords(risk.value)}`}
        >
          {Array.from({ length: BANDS }, (_, band) => (
            <path
              key={band}
              className={style.riskBand}
              data-tone={toneOf(band)}
              data-here={band === risk.band || undefined}
              d={arc(band / BANDS + GAP / 2, (band + 1) / BANDS - GAP / 2)}
              strokeWidth={SIZE.stroke}
            />
          ))}
          <line className={style.riskNeedle} x1={SIZE.width / 2} y1={108} x2={needle.x} y2={needle.y} />
          <circle className={style.riskHub} cx={SIZE.width / 2} cy={108} r={5} />
        </svg>
        <figcaption>
          <strong className="num">{decimal(risk.value)}</strong>
          <span>{riskWords(risk.value)}</span>
        </figcaption>
      </figure>
      <dl className={style.pairs}>
        <div>
          <dt>Band</dt>
          <dd className="num">
            {decimal(low, 1)}–{decimal(high, 1)}
          </dd>
        </div>
        <div>
          <dt>
            <abbr title="1.6 in the band with the fewest days so far, 1.0 in that with the most">Rarity</abbr>
          </dt>
          <dd>
            <span className="num">{decimal(risk.rarity)}</span>{" "}
            <span className="muted">{rarityWords(risk.rarity)}</span>
          </dd>
        </div>
        <div>
          <dt>Close of {day(risk.observed_on)}</dt>
          <dd className="num">{price(risk.price)}</dd>
        </div>
      </dl>
      {course.length > 1 && (
        <Sparkline
          values={course}
          domain={[0, 1]}
          width={220}
          height={40}
          tone="accent"
          isFilled
          label={`Risk over ${course.length} days, from ${decimal(course[0] ?? 0)} to ${decimal(risk.value)}`}
        />
      )}
      <p className="muted small">
        How high the price stands in its own history, 0 to 1. {SOURCES[risk.source]}
      </p>
    </div>
  );
}
