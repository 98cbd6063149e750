import { compact, decimal, price as formatPrice, signed } from "~/format";

/** What an indicator says in plain words. */
export type Leaning = "up" | "down" | "neutral" | "unknown";

export interface Reading {
  key: string;
  name: string;
  /** What it measures, in a few words. */
  about: string;
  value: string;
  words: string;
  leaning: Leaning;
  /** The number whose course the sparkline shows. */
  track: (data: IndicatorData) => number | null;
}

export interface Group {
  name: "Trend" | "Momentum" | "Volatility" | "Volume";
  readings: Reading[];
}

/** `data` of a row with the source `technical`: numbers, and objects of numbers. What warms up is null. */
export type IndicatorData = Record<string, unknown>;

/** A number in it: `rsi`, or a part such as `macd.histogram`. */
export function numberIn(data: IndicatorData, path: string): number | null {
  let found: unknown = data;
  for (const part of path.split(".")) {
    if (typeof found !== "object" || found === null) return null;
    found = (found as Record<string, unknown>)[part];
  }
  return typeof found === "number" && Number.isFinite(found) ? found : null;
}

interface Said {
  words: string;
  leaning: Leaning;
}

interface Rule {
  key: string;
  name: string;
  about: string;
  group: Group["name"];
  main: string;
  format: (value: number) => string;
  /** The sentence for known numbers; null when one that it needs is missing. */
  say: (value: number, number: (path: string) => number | null, close: number) => Said | null;
}

const one = (value: number) => decimal(value, 1);
const signedOne = (value: number) => signed(value, 1);

function oscillator(value: number, low: number, high: number): Said {
  if (value >= high) return { words: "Overbought: risen fast", leaning: "down" };
  if (value <= low) return { words: "Oversold: fallen fast", leaning: "up" };
  return { words: "Neither high nor low", leaning: "neutral" };
}

function sign(value: number, up: string, down: string): Said {
  if (value > 0) return { words: up, leaning: "up" };
  if (value < 0) return { words: down, leaning: "down" };
  return { words: "Unchanged", leaning: "neutral" };
}

function averages(value: number, slow: number | null, close: number): Said | null {
  if (slow === null) return null;
  if (close > value && value > slow) return { words: "Price above rising averages", leaning: "up" };
  if (close < value && value < slow) return { words: "Price below falling averages", leaning: "down" };
  return { words: "Averages disagree", leaning: "neutral" };
}

function channel(upper: number | null, lower: number | null, close: number): Said | null {
  if (upper === null || lower === null || upper <= lower) return null;
  if (close > upper) return { words: "Price above the upper band", leaning: "down" };
  if (close < lower) return { words: "Price below the lower band", leaning: "up" };
  const place = Math.round(((close - lower) / (upper - lower)) * 100);
  return { words: `Price at ${place} % of the bands`, leaning: "neutral" };
}

const ADX_TREND = 25;
const ADX_WEAK = 20;

const RULES: Rule[] = [
  {
    key: "ema",
    name: "EMA 20 / 50",
    about: "Averages that weigh new prices more",
    group: "Trend",
    main: "ema.20",
    format: formatPrice,
    say: (value, number, close) => averages(value, number("ema.50"), close),
  },
  {
    key: "sma",
    name: "SMA 20 / 50",
    about: "Plain averages of the price",
    group: "Trend",
    main: "sma.20",
    format: formatPrice,
    say: (value, number, close) => averages(value, number("sma.50"), close),
  },
  {
    key: "macd",
    name: "MACD",
    about: "Fast against slow average",
    group: "Trend",
    main: "macd.histogram",
    format: value => signed(value, Math.abs(value) >= 1 ? 2 : 5),
    say: value => sign(value, "Above its signal line", "Below its signal line"),
  },
  {
    key: "adx",
    name: "ADX",
    about: "How strong a trend is, whichever way",
    group: "Trend",
    main: "adx",
    format: one,
    say: value => ({
      words: value >= ADX_TREND ? "Strong trend" : value < ADX_WEAK ? "Hardly a trend" : "Weak trend",
      leaning: "neutral",
    }),
  },
  {
    key: "dmi",
    name: "DMI",
    about: "Upward against downward movement",
    group: "Trend",
    main: "dmi.plus",
    format: one,
    say: (value, number) => {
      const minus = number("dmi.minus");
      return minus === null
        ? null
        : sign(
            value - minus,
            `Up ${one(value)} over down ${one(minus)}`,
            `Down ${one(minus)} over up ${one(value)}`,
          );
    },
  },
  {
    key: "parabolic_sar",
    name: "Parabolic SAR",
    about: "A stop that trails the price",
    group: "Trend",
    main: "parabolic_sar",
    format: formatPrice,
    say: (value, _, close) => sign(close - value, "Below the price: rising", "Above the price: falling"),
  },
  {
    key: "aroon",
    name: "Aroon",
    about: "How recent the last high and low are",
    group: "Trend",
    main: "aroon.oscillator",
    format: value => signed(value, 0),
    say: value => sign(value, "The high is more recent", "The low is more recent"),
  },
  {
    key: "trix",
    name: "TRIX",
    about: "Slope of a smoothed average, in %",
    group: "Trend",
    main: "trix",
    format: value => signed(value, 3),
    say: value => sign(value, "Smoothed price rises", "Smoothed price falls"),
  },
  {
    key: "rsi",
    name: "RSI",
    about: "Gains against losses, 0 to 100",
    group: "Momentum",
    main: "rsi",
    format: one,
    say: value => oscillator(value, 30, 70),
  },
  {
    key: "stochastic",
    name: "Stochastic",
    about: "Place in the range of late, 0 to 100",
    group: "Momentum",
    main: "stochastic.k",
    format: one,
    say: value => oscillator(value, 20, 80),
  },
  {
    key: "cci",
    name: "CCI",
    about: "Distance from the usual price",
    group: "Momentum",
    main: "cci",
    format: signedOne,
    say: value => oscillator(value, -100, 100),
  },
  {
    key: "williams_r",
    name: "Williams %R",
    about: "Place in the range of late, −100 to 0",
    group: "Momentum",
    main: "williams_r",
    format: one,
    say: value => oscillator(value, -80, -20),
  },
  {
    key: "roc",
    name: "Rate of change",
    about: "Over 10 candles, in %",
    group: "Momentum",
    main: "roc",
    format: value => `${signed(value, 2)} %`,
    say: value => sign(value, "Higher than 10 candles ago", "Lower than 10 candles ago"),
  },
  {
    key: "momentum",
    name: "Momentum",
    about: "Price less that of 10 candles ago",
    group: "Momentum",
    main: "momentum",
    format: value => signed(value, Math.abs(value) >= 1 ? 2 : 5),
    say: value => sign(value, "Rising", "Falling"),
  },
  {
    key: "ultimate_oscillator",
    name: "Ultimate oscillator",
    about: "Buying pressure over three spans",
    group: "Momentum",
    main: "ultimate_oscillator",
    format: one,
    say: value => oscillator(value, 30, 70),
  },
  {
    key: "atr",
    name: "ATR",
    about: "How far a candle usually reaches",
    group: "Volatility",
    main: "atr",
    format: formatPrice,
    say: (value, _, close) =>
      close > 0 ? { words: `${decimal((value / close) * 100, 2)} % of the price`, leaning: "neutral" } : null,
  },
  {
    key: "bollinger",
    name: "Bollinger bands",
    about: "Two deviations around the average",
    group: "Volatility",
    main: "bollinger.middle",
    format: formatPrice,
    say: (_, number, close) => channel(number("bollinger.upper"), number("bollinger.lower"), close),
  },
  {
    key: "keltner",
    name: "Keltner channel",
    about: "Two ATR around the average",
    group: "Volatility",
    main: "keltner.middle",
    format: formatPrice,
    say: (_, number, close) => channel(number("keltner.upper"), number("keltner.lower"), close),
  },
  {
    key: "obv",
    name: "On-balance volume",
    about: "Volume of rising less falling candles",
    group: "Volume",
    main: "obv.value",
    format: compact,
    say: (_, number) => {
      const change = number("obv.change_20");
      return change === null
        ? null
        : sign(change, "Flowing in over 20 candles", "Flowing out over 20 candles");
    },
  },
  {
    key: "vwap",
    name: "VWAP",
    about: "Average price by volume, of the day",
    group: "Volume",
    main: "vwap",
    format: formatPrice,
    say: (value, _, close) => sign(close - value, "Price above it", "Price below it"),
  },
  {
    key: "mfi",
    name: "Money flow",
    about: "RSI weighed by volume, 0 to 100",
    group: "Volume",
    main: "mfi",
    format: one,
    say: value => oscillator(value, 20, 80),
  },
];

const GROUPS: Group["name"][] = ["Trend", "Momentum", "Volatility", "Volume"];

export function groupsOf(data: IndicatorData, close: number): Group[] {
  return GROUPS.map(name => ({
    name,
    readings: RULES.filter(rule => rule.group === name).map(rule => readingOf(rule, data, close)),
  }));
}

function readingOf(rule: Rule, data: IndicatorData, close: number): Reading {
  const value = numberIn(data, rule.main);
  const said = value === null ? null : rule.say(value, path => numberIn(data, path), close);
  return {
    key: rule.key,
    name: rule.name,
    about: rule.about,
    value: value === null ? "–" : rule.format(value),
    words: said?.words ?? "Not enough candles yet",
    leaning: said?.leaning ?? "unknown",
    track: row => numberIn(row, rule.main),
  };
}

export interface Tally {
  up: number;
  down: number;
  neutral: number;
}

/** How many lean which way. */
export function tallyOf(groups: readonly Group[]): Tally {
  const tally: Tally = { up: 0, down: 0, neutral: 0 };
  for (const { leaning } of groups.flatMap(group => group.readings)) {
    if (leaning !== "unknown") tally[leaning] += 1;
  }
  return tally;
}
