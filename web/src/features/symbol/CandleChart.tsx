import type { CandleRow } from "@zmarty/client";
import {
  CandlestickSeries,
  ColorType,
  CrosshairMode,
  createChart,
  createSeriesMarkers,
  HistogramSeries,
  type IChartApi,
  type IPriceLine,
  type ISeriesApi,
  type ISeriesMarkersPluginApi,
  LineStyle,
  type SeriesMarker,
  TickMarkType,
  type Time,
  type UTCTimestamp,
} from "lightweight-charts";
import { type Ref, useEffect, useImperativeHandle, useRef, useState } from "react";
import { compact, decimal, numberLanguage } from "~/format";
import {
  type Band,
  type Mark,
  type PlanLine,
  precisionOf,
  type Shape,
  type ShownLevel,
  seconds,
} from "./chartData";
import { faint, type Ink, Overlay, readInk } from "./overlay";
import style from "./symbol.module.css";

export interface ChartHandle {
  zoom: (factor: number) => void;
  toNewest: () => void;
  toEarlier: () => void;
  /** Bring a candle into sight. */
  show: (time: number) => void;
}

interface Props {
  rows: readonly CandleRow[];
  marks: readonly Mark[];
  plan: readonly PlanLine[];
  levels: readonly ShownLevel[];
  shapes: readonly Shape[];
  bands: readonly Band[];
  hasVolume: boolean;
  /** The candle under the crosshair, by its time. */
  onHover: (time: number | null) => void;
  /** The oldest candles came into sight. */
  onNeedOlder: () => void;
  ref?: Ref<ChartHandle>;
}

const BARS_SHOWN_PER_PIXEL = 1 / 8;
const BARS_SHOWN_MIN = 45;
const BARS_AHEAD = 6;
const OLDER_WHEN_LEFT = 30;
/** How much of what is in sight one press goes back. */
const EARLIER_SHARE = 0.6;
/** With less room for a candle only the first mark of a direction is drawn, and with still less only those with an edge. */
const CROWDED_PIXELS = 5;
const PACKED_PIXELS = 1.8;
const VOLUME_TOP = 0.84;

type Room = "enough" | "crowded" | "packed";

function roomOf(pixels: number): Room {
  if (pixels >= CROWDED_PIXELS) return "enough";
  return pixels >= PACKED_PIXELS ? "crowded" : "packed";
}

interface Parts {
  chart: IChartApi;
  candles: ISeriesApi<"Candlestick">;
  volume: ISeriesApi<"Histogram">;
  marks: ISeriesMarkersPluginApi<Time>;
  overlay: Overlay;
}

/** Candles and what is said about them. Mount it anew for another pair. */
export default function CandleChart({
  rows,
  marks,
  plan,
  levels,
  shapes,
  bands,
  hasVolume,
  onHover,
  onNeedOlder,
  ref,
}: Props) {
  const element = useRef<HTMLDivElement>(null);
  const [parts, setParts] = useState<Parts | null>(null);
  const ink = useInk();
  const [room, setRoom] = useState<Room>("enough");
  const hasFit = useRef(false);
  const told = useRef({ onHover, onNeedOlder });
  useEffect(() => {
    told.current = { onHover, onNeedOlder };
  });

  useEffect(() => {
    if (!element.current) return;
    const chart = createChart(element.current, {
      autoSize: true,
      // The logo brings a <style> that the page's policy forbids; the link below the chart gives the credit.
      layout: { attributionLogo: false, fontSize: 11 },
      localization: { timeFormatter: (time: Time) => fullTime(Number(time)) },
      timeScale: { timeVisible: true, rightOffset: BARS_AHEAD, tickMarkFormatter: tickText },
      crosshair: { mode: CrosshairMode.Normal },
      // A finger that moves up or down scrolls the page.
      handleScroll: { vertTouchDrag: false },
    });
    const candles = chart.addSeries(CandlestickSeries, { borderVisible: false });
    const volume = chart.addSeries(HistogramSeries, {
      priceScaleId: "",
      priceFormat: { type: "custom", formatter: compact, minMove: 0.01 },
      lastValueVisible: false,
      priceLineVisible: false,
    });
    volume.priceScale().applyOptions({ scaleMargins: { top: VOLUME_TOP, bottom: 0 } });
    candles.priceScale().applyOptions({ scaleMargins: { top: 0.12, bottom: 0.2 } });
    const overlay = new Overlay({ bands: [], levels: [], shapes: [], plan: [], ink: readInk() });
    candles.attachPrimitive(overlay);
    chart.subscribeCrosshairMove(({ time }) =>
      told.current.onHover(time === undefined ? null : Number(time)),
    );
    chart.timeScale().subscribeVisibleLogicalRangeChange(range => {
      if (!range) return;
      if (range.from < OLDER_WHEN_LEFT) told.current.onNeedOlder();
      setRoom(roomOf(chart.timeScale().width() / (range.to - range.from)));
    });
    setParts({ chart, candles, volume, marks: createSeriesMarkers(candles, []), overlay });
    return () => {
      hasFit.current = false;
      setParts(null);
      chart.remove();
    };
  }, []);

  useEffect(() => {
    if (!parts) return;
    const { chart, candles, volume } = parts;
    chart.applyOptions({
      layout: {
        background: { type: ColorType.Solid, color: ink.surface },
        textColor: ink.text,
        fontFamily: ink.font,
      },
      grid: { vertLines: { color: faint(ink.line, 0.6) }, horzLines: { color: faint(ink.line, 0.6) } },
      rightPriceScale: { borderColor: ink.line },
      timeScale: { borderColor: ink.line },
      crosshair: {
        vertLine: { color: ink.text, labelBackgroundColor: ink.flat },
        horzLine: { color: ink.text, labelBackgroundColor: ink.flat },
      },
    });
    candles.applyOptions({
      upColor: ink.long,
      downColor: ink.short,
      wickUpColor: ink.long,
      wickDownColor: ink.short,
    });
    volume.applyOptions({ visible: hasVolume });
  }, [parts, ink, hasVolume]);

  useEffect(() => {
    const last = rows.at(-1);
    if (!parts || !last) return;
    const { precision, minMove } = precisionOf(last.close);
    parts.candles.applyOptions({
      priceFormat: { type: "custom", minMove, formatter: (value: number) => decimal(value, precision) },
    });
    parts.candles.setData(
      rows.map(row => ({
        time: seconds(row.opened_at) as UTCTimestamp,
        open: row.open,
        high: row.high,
        low: row.low,
        close: row.close,
      })),
    );
    parts.volume.setData(
      rows.map(row => ({
        time: seconds(row.opened_at) as UTCTimestamp,
        value: row.volume,
        color: faint(row.close >= row.open ? ink.long : ink.short, 0.32),
      })),
    );
    // Only once: whatever the user looks at stays when candles come.
    if (!hasFit.current) {
      hasFit.current = true;
      const width = element.current?.clientWidth ?? 0;
      const bars = Math.max(BARS_SHOWN_MIN, Math.round(width * BARS_SHOWN_PER_PIXEL));
      parts.chart
        .timeScale()
        .setVisibleLogicalRange({ from: rows.length - bars, to: rows.length - 1 + BARS_AHEAD });
    }
  }, [parts, rows, ink]);

  useEffect(() => {
    if (!parts) return;
    const oldest = rows[0] ? seconds(rows[0].opened_at) : Number.POSITIVE_INFINITY;
    parts.marks.setMarkers(
      marks
        .filter(mark => mark.time >= oldest && (room === "enough" || mark.isFirst))
        .filter(mark => room !== "packed" || mark.hasEdge)
        .map(mark => markerOf(mark, ink)),
    );
  }, [parts, marks, rows, ink, room]);

  useEffect(() => {
    if (!parts) return;
    const colours = { entry: ink.flat, target: ink.long, stop: ink.short };
    const lines: IPriceLine[] = plan.map(line =>
      parts.candles.createPriceLine({
        price: line.price,
        color: colours[line.kind],
        lineWidth: 1,
        lineStyle: line.kind === "entry" ? LineStyle.Solid : LineStyle.Dashed,
        axisLabelVisible: true,
        title: line.name,
      }),
    );
    return () => {
      // The chart may have gone with the page.
      for (const line of lines) removeLine(parts, line);
    };
  }, [parts, plan, ink]);

  useEffect(() => {
    parts?.overlay.draw({ bands, levels, shapes, plan, ink });
  }, [parts, bands, levels, shapes, plan, ink]);

  useImperativeHandle(
    ref,
    () => ({
      zoom: factor => {
        const scale = parts?.chart.timeScale();
        const range = scale?.getVisibleLogicalRange();
        if (!scale || !range) return;
        scale.setVisibleLogicalRange({ from: range.to - (range.to - range.from) * factor, to: range.to });
      },
      toEarlier: () => {
        const scale = parts?.chart.timeScale();
        const range = scale?.getVisibleLogicalRange();
        if (!scale || !range) return;
        const step = (range.to - range.from) * EARLIER_SHARE;
        scale.setVisibleLogicalRange({ from: range.from - step, to: range.to - step });
      },
      toNewest: () => parts?.chart.timeScale().scrollToRealTime(),
      show: time => {
        const scale = parts?.chart.timeScale();
        const range = scale?.getVisibleLogicalRange();
        const at = rows.findIndex(row => seconds(row.opened_at) >= time);
        if (!scale || !range || at < 0) return;
        const half = (range.to - range.from) / 2;
        scale.setVisibleLogicalRange({ from: at - half, to: at + half });
      },
    }),
    [parts, rows],
  );

  return <div className={style.canvas} ref={element} aria-hidden />;
}

function removeLine({ candles }: Parts, line: IPriceLine): void {
  try {
    candles.removePriceLine(line);
  } catch {
    // Its chart was removed before.
  }
}

function markerOf(mark: Mark, ink: Ink): SeriesMarker<Time> {
  const isLong = mark.direction === "long";
  const colour = isLong ? ink.long : ink.short;
  return {
    time: mark.time as UTCTimestamp,
    position: isLong ? "belowBar" : "aboveBar",
    shape: mark.isFirst ? (isLong ? "arrowUp" : "arrowDown") : "circle",
    color: mark.hasEdge ? colour : faint(colour, mark.isFirst ? 0.75 : 0.4),
    size: mark.isFirst ? 1.3 : 0.1,
  };
}

/** The colours of the page, and again after its theme changed. */
function useInk(): Ink {
  const [ink, setInk] = useState(readInk);
  useEffect(() => {
    const observer = new MutationObserver(() => setInk(readInk()));
    observer.observe(document.documentElement, { attributeFilter: ["data-theme"] });
    return () => observer.disconnect();
  }, []);
  return ink;
}

function fullTime(time: number): string {
  return new Intl.DateTimeFormat(numberLanguage(), { dateStyle: "medium", timeStyle: "short" }).format(
    time * 1000,
  );
}

const TICK_FORMATS: Record<TickMarkType, Intl.DateTimeFormatOptions> = {
  [TickMarkType.Year]: { year: "numeric" },
  [TickMarkType.Month]: { month: "short" },
  [TickMarkType.DayOfMonth]: { day: "numeric", month: "short" },
  [TickMarkType.Time]: { hour: "2-digit", minute: "2-digit" },
  [TickMarkType.TimeWithSeconds]: { hour: "2-digit", minute: "2-digit", second: "2-digit" },
};

function tickText(time: Time, type: TickMarkType): string {
  return new Intl.DateTimeFormat(numberLanguage(), TICK_FORMATS[type]).format(Number(time) * 1000);
}
