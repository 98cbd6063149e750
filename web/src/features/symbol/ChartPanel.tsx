import type { CandleRow, SignalRow } from "@zmarty/client";
import { ChevronLeft, ChevronsRight, Minus, Plus } from "lucide-react";
import { lazy, type ReactNode, Suspense, useEffect, useMemo, useRef, useState } from "react";
import { Button } from "~/components/Button";
import { ErrorBoundary } from "~/components/ErrorBoundary";
import { DirectionMark } from "~/components/SignalCard";
import { Skeleton } from "~/components/states";
import { compact, dateTime, decimal, percent, price } from "~/format";
import { TIMEFRAME_WORDS } from "~/timeframes";
import type { ChartHandle } from "./CandleChart";
import {
  bandsOf,
  levelsShown,
  marksOf,
  newestMap,
  planOf,
  precisionOf,
  seconds,
  shapesOf,
  shortTime,
} from "./chartData";
import { LAYERS, useLayers } from "./layers";
import style from "./symbol.module.css";
import { type Pair, useClusters, useIntelligence, usePatterns } from "./useSymbol";

const CandleChart = lazy(() => import("./CandleChart"));
const ZOOM_IN = 0.7;
const ROWS_READ_OUT = 10;

interface Props {
  pair: Pair;
  rows: readonly CandleRow[];
  signals: readonly SignalRow[];
  /** The signal whose levels are drawn. */
  shown: SignalRow | null;
  olderFailed: boolean;
  onNeedOlder: () => void;
}

const NONE: never[] = [];

/** The candles with everything that is said about them; what is shown can be chosen. */
export function ChartPanel({ pair, rows, signals, shown, olderFailed, onNeedOlder }: Props) {
  const [layers, toggle] = useLayers();
  const [hovered, setHovered] = useState<number | null>(null);
  const chart = useRef<ChartHandle>(null);
  const { data: intelligence } = useIntelligence(pair);
  const { data: patterns } = usePatterns(pair);
  const { data: maps } = useClusters(pair.symbol);

  const marks = useMemo(
    () => (layers.signals ? marksOf(signals, pair.timeframe) : NONE),
    [layers.signals, signals, pair.timeframe],
  );
  const plan = useMemo(() => (layers.plan ? planOf(shown) : NONE), [layers.plan, shown]);
  const levels = useMemo(
    () => (layers.levels && intelligence ? levelsShown(intelligence.levels) : NONE),
    [layers.levels, intelligence],
  );
  const shapes = useMemo(
    () => (layers.patterns && patterns ? shapesOf(patterns) : NONE),
    [layers.patterns, patterns],
  );
  const bands = useMemo(
    () => (layers.liquidations && maps ? bandsOf(newestMap(maps)) : NONE),
    [layers.liquidations, maps],
  );
  // A signal that is looked at stands in the middle; the newest one is where the chart ends anyway.
  const shownAt = shown && shown !== signals.at(-1) ? seconds(shown.opened_at) : null;
  useEffect(() => {
    if (shownAt !== null) chart.current?.show(shownAt);
  }, [shownAt]);

  const row = (hovered !== null && rows.find(one => seconds(one.opened_at) === hovered)) || rows.at(-1);
  return (
    <section className={style.chart} aria-label={`Chart of ${pair.symbol}`} data-testid="chart">
      <div className={style.chartHead}>
        {row && (
          <Legend row={row} signal={signals.find(signal => signal.opened_at === row.opened_at) ?? null} />
        )}
        <div className={style.zoom}>
          <Button
            kind="quiet"
            isIcon
            aria-label="To earlier candles"
            onClick={() => chart.current?.toEarlier()}
          >
            <ChevronLeft size={18} aria-hidden />
          </Button>
          <Button kind="quiet" isIcon aria-label="Zoom in" onClick={() => chart.current?.zoom(ZOOM_IN)}>
            <Plus size={18} aria-hidden />
          </Button>
          <Button kind="quiet" isIcon aria-label="Zoom out" onClick={() => chart.current?.zoom(1 / ZOOM_IN)}>
            <Minus size={18} aria-hidden />
          </Button>
          <Button
            kind="quiet"
            isIcon
            aria-label="To the newest candle"
            onClick={() => chart.current?.toNewest()}
          >
            <ChevronsRight size={18} aria-hidden />
          </Button>
        </div>
      </div>
      <div className={style.canvasFrame}>
        <ErrorBoundary>
          <Suspense fallback={<Skeleton height="100%" />}>
            <CandleChart
              key={`${pair.symbol} ${pair.timeframe}`}
              ref={chart}
              rows={rows}
              marks={marks}
              plan={plan}
              levels={levels}
              shapes={shapes}
              bands={bands}
              hasVolume={layers.volume}
              onHover={setHovered}
              onNeedOlder={onNeedOlder}
            />
          </Suspense>
        </ErrorBoundary>
      </div>
      <fieldset className={style.layers}>
        <legend className="visually-hidden">Shown on the chart</legend>
        {LAYERS.map(({ id, name }) => (
          <button
            key={id}
            type="button"
            className={style.layer}
            data-layer={id}
            aria-pressed={layers[id]}
            onClick={() => toggle(id)}
          >
            <span className={style.swatch} aria-hidden />
            {name}
          </button>
        ))}
        <a
          className={style.credit}
          href="https://www.tradingview.com/"
          target="_blank"
          rel="noopener noreferrer"
        >
          Charts by TradingView
        </a>
      </fieldset>
      {olderFailed && (
        <p className={style.chartNote} role="status">
          Older candles could not be loaded. Scroll back again to retry.
        </p>
      )}
      <InWords pair={pair} rows={rows} />
    </section>
  );
}

function Legend({ row, signal }: { row: CandleRow; signal: SignalRow | null }) {
  const { precision } = precisionOf(row.close);
  const change = row.open === 0 ? 0 : row.close / row.open - 1;
  const item = (name: string, value: ReactNode) => (
    <span>
      <abbr title={LEGEND_NAMES[name]}>{name}</abbr> {value}
    </span>
  );
  return (
    <div className={`num ${style.legend}`} data-testid="chart-legend">
      <time dateTime={row.opened_at}>{shortTime(row.opened_at)}</time>
      {item("O", decimal(row.open, precision))}
      {item("H", decimal(row.high, precision))}
      {item("L", decimal(row.low, precision))}
      {item("C", decimal(row.close, precision))}
      <span data-direction={change > 0 ? "long" : change < 0 ? "short" : "flat"} className={style.tinted}>
        {change > 0 ? "+" : ""}
        {percent(change, 2)}
      </span>
      {item("V", compact(row.volume))}
      {signal && signal.direction !== "flat" && <DirectionMark direction={signal.direction} />}
    </div>
  );
}

const LEGEND_NAMES: Record<string, string> = { O: "Open", H: "High", L: "Low", C: "Close", V: "Volume" };

/** The chart for those who do not see it. */
function InWords({ pair, rows }: { pair: Pair; rows: readonly CandleRow[] }) {
  const [first] = rows;
  const last = rows.at(-1);
  if (!first || !last) return null;
  const high = Math.max(...rows.map(row => row.high));
  const low = Math.min(...rows.map(row => row.low));
  return (
    <div className="visually-hidden">
      <p>
        {pair.symbol} in candles of {TIMEFRAME_WORDS[pair.timeframe]}, from {dateTime(first.opened_at)} to{" "}
        {dateTime(last.closed_at)}: highest {price(high)}, lowest {price(low)}, last {price(last.close)}.
      </p>
      <table>
        <caption>The newest {ROWS_READ_OUT} candles</caption>
        <thead>
          <tr>
            <th scope="col">Opened</th>
            <th scope="col">Open</th>
            <th scope="col">High</th>
            <th scope="col">Low</th>
            <th scope="col">Close</th>
            <th scope="col">Volume</th>
          </tr>
        </thead>
        <tbody>
          {rows
            .slice(-ROWS_READ_OUT)
            .reverse()
            .map(row => (
              <tr key={row.opened_at}>
                <th scope="row">{dateTime(row.opened_at)}</th>
                <td>{price(row.open)}</td>
                <td>{price(row.high)}</td>
                <td>{price(row.low)}</td>
                <td>{price(row.close)}</td>
                <td>{compact(row.volume)}</td>
              </tr>
            ))}
        </tbody>
      </table>
    </div>
  );
}
