import type {
  LevelRow,
  MapRow,
  OrchestratorApiIntelligenceRowsPatternRow as PatternRow,
  SignalRow,
} from "@zmarty/client";
import { numberLanguage } from "~/format";
import { TIMEFRAME_SECONDS, type Timeframe } from "~/timeframes";

/** Seconds since 1970, as the chart counts time. */
export function seconds(time: string): number {
  return Math.floor(Date.parse(time) / 1000);
}

/** How many digits the price axis needs, and its smallest step. */
export function precisionOf(value: number): { precision: number; minMove: number } {
  const size = Math.abs(value) || 1;
  const precision = size >= 100 ? 2 : Math.min(10, Math.max(2, 4 - Math.floor(Math.log10(size))));
  return { precision, minMove: 10 ** -precision };
}

/** A moment without its year, where many stand below each other. */
export function shortTime(time: string): string {
  return new Intl.DateTimeFormat(numberLanguage(), {
    month: "short",
    day: "numeric",
    hour: "2-digit",
    minute: "2-digit",
  }).format(new Date(time));
}

export interface Mark {
  time: number;
  direction: "long" | "short";
  /** The first of several that say the same one after the other. */
  isFirst: boolean;
  /** Worth acting on or watching. */
  hasEdge: boolean;
}

/**
 * Where signals stand on the chart. A direction that holds for many candles would cover them with arrows: the first
 * gets one, the others a dot.
 */
export function marksOf(signals: readonly SignalRow[], timeframe: Timeframe): Mark[] {
  const marks: Mark[] = [];
  let before = null as { time: number; direction: string } | null;
  for (const signal of signals) {
    const time = seconds(signal.opened_at);
    if (before?.time === time) continue;
    const isNext: boolean = before !== null && time - before.time <= TIMEFRAME_SECONDS[timeframe];
    if (signal.direction !== "flat") {
      marks.push({
        time,
        direction: signal.direction,
        isFirst: !isNext || before?.direction !== signal.direction,
        hasEdge: signal.verdict !== "no_edge",
      });
    }
    before = { time, direction: signal.direction };
  }
  return marks;
}

export interface PlanLine {
  kind: "entry" | "target" | "stop";
  name: string;
  price: number;
}

export function planOf(signal: SignalRow | null | undefined): PlanLine[] {
  if (!signal || signal.direction === "flat") return [];
  return [
    { kind: "entry", name: "Entry", price: signal.entry_price },
    ...signal.targets.map((target, order) => ({
      kind: "target" as const,
      name: signal.targets.length > 1 ? `Target ${order + 1}` : "Target",
      price: target,
    })),
    ...(signal.stop_price === null
      ? []
      : [{ kind: "stop" as const, name: "Stop", price: signal.stop_price }]),
  ];
}

export interface Band {
  price: number;
  side: "above" | "below";
  /** 0 … 1, how much of the largest cluster it holds. */
  share: number;
  notional: number | null;
}

const SIZE_SHARES = { small: 0.2, medium: 0.45, large: 0.75, xlarge: 1 } as const;
const SHARE_MIN = 0.12;

/**
 * The clusters as bands. Dollars tell how large one is beside the largest; where a source does not say them, its words
 * do. The square root keeps small ones in sight.
 */
export function bandsOf(map: Pick<MapRow, "clusters"> | null | undefined): Band[] {
  if (!map) return [];
  const most = Math.max(0, ...map.clusters.map(cluster => cluster.notional ?? 0));
  return map.clusters.map(cluster => ({
    price: cluster.price,
    side: cluster.side,
    notional: cluster.notional,
    share:
      cluster.notional === null || most === 0
        ? SIZE_SHARES[cluster.size]
        : Math.max(SHARE_MIN, Math.sqrt(cluster.notional / most)),
  }));
}

/** Of several sources the freshest map with clusters. */
export function newestMap(maps: readonly MapRow[]): MapRow | null {
  return (
    maps
      .filter(map => map.clusters.length > 0)
      .sort((one, other) => Date.parse(other.observed_at) - Date.parse(one.observed_at))[0] ?? null
  );
}

export interface Shape {
  id: string;
  name: string;
  direction: "long" | "short";
  points: { time: number; price: number; role: string }[];
  neckline: number;
  from: number;
}

/** "double_top" is "Double top". */
export function words(code: string): string {
  const text = code.replaceAll("_", " ");
  return text.charAt(0).toUpperCase() + text.slice(1);
}

export function shapesOf(patterns: readonly PatternRow[]): Shape[] {
  return patterns.map(pattern => ({
    id: pattern.id,
    name: words(pattern.kind),
    direction: pattern.direction,
    points: pattern.bars
      .map(bar => ({ time: seconds(bar.opened_at), price: bar.price, role: bar.role }))
      .sort((one, other) => one.time - other.time),
    neckline: pattern.price_levels.neckline,
    from: seconds(pattern.started_at),
  }));
}

export interface ShownLevel {
  kind: LevelRow["kind"];
  price: number;
  /** 0 … 1 */
  strength: number;
  touches: number;
}

export function levelsShown(levels: readonly LevelRow[]): ShownLevel[] {
  return levels.map(({ kind, price, strength, touches }) => ({ kind, price, strength, touches }));
}
