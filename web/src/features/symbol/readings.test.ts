import { describe, expect, it } from "vitest";
import { groupsOf, numberIn, tallyOf } from "./readings";

/** The names of the newest row of BTC/USDT, rounded. */
const DATA = {
  adx: 14.6,
  atr: 422.9,
  cci: 1.3,
  dmi: { plus: 23, minus: 17.5 },
  ema: { "20": 60_561, "50": 60_363, "200": 59_768 },
  mfi: 27.8,
  obv: { value: -126_923, change_20: -8_338 },
  roc: 0.36,
  rsi: 74,
  sma: { "20": 60_674, "50": 60_275, "200": 59_384 },
  macd: { macd: 6.6, signal: 43.5, histogram: -36.9 },
  trix: 0.012,
  vwap: 60_597,
  aroon: { up: 0, down: 35.7, oscillator: -35.7 },
  keltner: { lower: 59_750, upper: 61_373, middle: 60_561 },
  momentum: 215.7,
  bollinger: { lower: 60_031, upper: 61_316, middle: 60_674 },
  stochastic: { d: 31.2, k: 15 },
  williams_r: -51.8,
  parabolic_sar: 61_092,
  ultimate_oscillator: 52.6,
};

function readingOf(key: string, data: Record<string, unknown> = DATA, close = 60_726) {
  const found = groupsOf(data, close)
    .flatMap(group => group.readings)
    .find(reading => reading.key === key);
  if (!found) throw new Error(key);
  return found;
}

it("reads all 21 in four groups", () => {
  const groups = groupsOf(DATA, 60_726);
  expect(groups.map(group => [group.name, group.readings.length])).toEqual([
    ["Trend", 8],
    ["Momentum", 7],
    ["Volatility", 3],
    ["Volume", 3],
  ]);
  expect(groups.flatMap(group => group.readings).every(reading => reading.leaning !== "unknown")).toBe(true);
});

describe("a reading", () => {
  it.each([
    ["rsi", "down", "Overbought: risen fast"],
    ["stochastic", "up", "Oversold: fallen fast"],
    ["cci", "neutral", "Neither high nor low"],
    ["macd", "down", "Below its signal line"],
    ["ema", "neutral", "Averages disagree"],
    ["parabolic_sar", "down", "Above the price: falling"],
    ["adx", "neutral", "Hardly a trend"],
    ["obv", "down", "Flowing out over 20 candles"],
    ["vwap", "up", "Price above it"],
  ])("of %s leans %s", (key, leaning, words) => {
    const close = key === "ema" ? 60_400 : 60_726;
    expect(readingOf(key, DATA, close)).toMatchObject({ leaning, words });
  });

  it("says where the price stands in its bands", () => {
    expect(readingOf("bollinger").words).toBe("Price at 54 % of the bands");
    expect(readingOf("bollinger", DATA, 62_000)).toMatchObject({ leaning: "down" });
  });

  it("that still warms up is not known", () => {
    expect(readingOf("rsi", { ...DATA, rsi: null })).toMatchObject({
      leaning: "unknown",
      value: "–",
      words: "Not enough candles yet",
    });
    expect(readingOf("ema", { ...DATA, ema: { "20": 1, "50": null } }).leaning).toBe("unknown");
    expect(readingOf("macd", {}).leaning).toBe("unknown");
  });
});

it("finds numbers in an answer, and nothing else", () => {
  expect(numberIn(DATA, "macd.histogram")).toBe(-36.9);
  expect(numberIn(DATA, "macd.nothing")).toBeNull();
  expect(numberIn({ rsi: "71" }, "rsi")).toBeNull();
  expect(numberIn({ rsi: 3 }, "rsi.part")).toBeNull();
});

it("counts who leans where", () => {
  const tally = tallyOf(groupsOf(DATA, 60_726));
  expect(tally.up + tally.down + tally.neutral).toBe(21);
});
