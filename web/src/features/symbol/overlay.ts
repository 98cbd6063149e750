import type {
  AutoscaleInfo,
  IPrimitivePaneView,
  ISeriesPrimitive,
  Logical,
  PrimitivePaneViewZOrder,
  SeriesAttachedParameter,
  Time,
  UTCTimestamp,
} from "lightweight-charts";
import type { Band, PlanLine, Shape, ShownLevel } from "./chartData";

/** The colours of the page, as the canvas needs them. */
export interface Ink {
  surface: string;
  line: string;
  text: string;
  long: string;
  short: string;
  accent: string;
  warn: string;
  info: string;
  flat: string;
  font: string;
}

export function readInk(): Ink {
  const tokens = getComputedStyle(document.documentElement);
  const token = (name: string) => tokens.getPropertyValue(name).trim();
  return {
    surface: token("--surface"),
    line: token("--line"),
    text: token("--ink-3"),
    long: token("--long"),
    short: token("--short"),
    accent: token("--accent-text"),
    warn: token("--warn"),
    info: token("--info"),
    flat: token("--flat"),
    font: token("--font"),
  };
}

/** A colour of the tokens, which are six hexadecimal digits, made translucent. */
export function faint(colour: string, opacity: number): string {
  const share = Math.round(Math.min(1, Math.max(0, opacity)) * 255);
  return `${colour}${share.toString(16).padStart(2, "0")}`;
}

export interface Drawn {
  bands: readonly Band[];
  levels: readonly ShownLevel[];
  shapes: readonly Shape[];
  /** Kept in sight by the price axis. */
  plan: readonly PlanLine[];
  ink: Ink;
}

const BAND_HEIGHT = 9;
const BAR_LENGTH_MAX = 96;
const NAME_HEIGHT = 13;
const LEVEL_WORDS = { support: "Support", resistance: "Resistance" } as const;

type Attached = SeriesAttachedParameter<Time, "Candlestick">;
type Target = Parameters<NonNullable<ReturnType<IPrimitivePaneView["renderer"]>>["draw"]>[0];
type Painter = (context: CanvasRenderingContext2D, width: number) => void;

/** What lies on the chart beside its candles: bands of liquidations and levels behind them, patterns before them. */
export class Overlay implements ISeriesPrimitive<Time> {
  #attached: Attached | null = null;
  #drawn: Drawn;
  readonly #views: readonly IPrimitivePaneView[];

  constructor(drawn: Drawn) {
    this.#drawn = drawn;
    this.#views = [
      this.#view("bottom", (context, width) => {
        this.#drawBands(context, width);
        this.#drawLevels(context, width);
      }),
      this.#view("top", (context, width) => this.#drawShapes(context, width)),
    ];
  }

  attached(attached: SeriesAttachedParameter<Time>): void {
    this.#attached = attached as Attached;
  }

  detached(): void {
    this.#attached = null;
  }

  paneViews(): readonly IPrimitivePaneView[] {
    return this.#views;
  }

  autoscaleInfo(_from: Logical, _to: Logical): AutoscaleInfo | null {
    const prices = this.#drawn.plan.map(line => line.price);
    if (prices.length === 0) return null;
    return { priceRange: { minValue: Math.min(...prices), maxValue: Math.max(...prices) } };
  }

  draw(drawn: Drawn): void {
    this.#drawn = drawn;
    this.#attached?.requestUpdate();
  }

  #view(zOrder: PrimitivePaneViewZOrder, paint: Painter): IPrimitivePaneView {
    const renderer = {
      draw: (target: Target) =>
        target.useMediaCoordinateSpace(({ context, mediaSize }) => {
          context.save();
          paint(context, mediaSize.width);
          context.restore();
        }),
    };
    return { zOrder: () => zOrder, renderer: () => renderer };
  }

  #y(price: number): number | null {
    return this.#attached?.series.priceToCoordinate(price) ?? null;
  }

  #x(time: number): number | null {
    return this.#attached?.chart.timeScale().timeToCoordinate(time as UTCTimestamp) ?? null;
  }

  #drawBands(context: CanvasRenderingContext2D, width: number): void {
    const { bands, ink } = this.#drawn;
    for (const band of bands) {
      const y = this.#y(band.price);
      if (y === null) continue;
      const top = y - BAND_HEIGHT / 2;
      const heat = context.createLinearGradient(0, 0, width, 0);
      heat.addColorStop(0, faint(ink.warn, 0));
      heat.addColorStop(1, faint(ink.warn, 0.06 + 0.3 * band.share));
      context.fillStyle = heat;
      context.fillRect(0, top, width, BAND_HEIGHT);
      context.fillStyle = faint(ink.warn, 0.25 + 0.5 * band.share);
      const length = BAR_LENGTH_MAX * band.share;
      context.fillRect(width - length, top, length, BAND_HEIGHT);
    }
  }

  #drawLevels(context: CanvasRenderingContext2D, width: number): void {
    const { levels, ink } = this.#drawn;
    context.font = `500 10px ${ink.font}`;
    context.textBaseline = "bottom";
    const named: number[] = [];
    // The strongest keep their names where they would lie on each other.
    for (const level of [...levels].sort((one, other) => other.strength - one.strength)) {
      const y = this.#y(level.price);
      if (y === null) continue;
      context.strokeStyle = faint(ink.info, 0.3 + 0.5 * level.strength);
      context.lineWidth = level.strength > 0.6 ? 1.5 : 1;
      context.setLineDash([2, 3]);
      context.beginPath();
      context.moveTo(0, Math.round(y) + 0.5);
      context.lineTo(width, Math.round(y) + 0.5);
      context.stroke();
      if (named.some(other => Math.abs(other - y) < NAME_HEIGHT)) continue;
      named.push(y);
      context.fillStyle = ink.info;
      context.fillText(`${LEVEL_WORDS[level.kind]} · ${level.touches}×`, 6, y - 2);
    }
  }

  #drawShapes(context: CanvasRenderingContext2D, width: number): void {
    const { shapes, ink } = this.#drawn;
    for (const shape of shapes) {
      const colour = shape.direction === "long" ? ink.long : ink.short;
      const points = shape.points.flatMap(point => {
        const x = this.#x(point.time);
        const y = this.#y(point.price);
        return x === null || y === null ? [] : [{ x, y }];
      });
      const [first] = points;
      const last = points.at(-1);
      if (!first || !last) continue;
      context.strokeStyle = faint(colour, 0.9);
      context.lineWidth = 2;
      context.setLineDash([]);
      context.lineJoin = "round";
      context.beginPath();
      for (const [at, point] of points.entries())
        at === 0 ? context.moveTo(point.x, point.y) : context.lineTo(point.x, point.y);
      context.stroke();
      for (const point of points) {
        context.beginPath();
        context.arc(point.x, point.y, 3.5, 0, Math.PI * 2);
        context.fillStyle = ink.surface;
        context.fill();
        context.stroke();
      }
      const neckline = this.#y(shape.neckline);
      if (neckline !== null) {
        context.lineWidth = 1;
        context.setLineDash([6, 4]);
        context.beginPath();
        context.moveTo(first.x, neckline);
        context.lineTo(width, neckline);
        context.stroke();
      }
      if (last.x >= 0 && last.x <= width) this.#label(context, shape.name, last.x, last.y, colour, width);
    }
  }

  #label(
    context: CanvasRenderingContext2D,
    text: string,
    x: number,
    y: number,
    colour: string,
    width: number,
  ) {
    const { ink } = this.#drawn;
    context.font = `600 11px ${ink.font}`;
    const size = context.measureText(text).width + 12;
    const left = Math.min(Math.max(4, x - size / 2), width - size - 4);
    const top = y + 10;
    context.setLineDash([]);
    context.fillStyle = ink.surface;
    context.strokeStyle = faint(colour, 0.6);
    context.lineWidth = 1;
    context.beginPath();
    context.roundRect(left, top, size, 18, 5);
    context.fill();
    context.stroke();
    context.fillStyle = colour;
    context.textBaseline = "middle";
    context.fillText(text, left + 6, top + 9.5);
  }
}
