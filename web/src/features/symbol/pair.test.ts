import { describe, expect, it } from "vitest";
import { symbolOf, timeframeOf, timeframesOf } from "./pair";

describe("symbolOf", () => {
  it.each([
    ["BTC-USDT", "BTC/USDT"],
    ["btc-usdt", "BTC/USDT"],
    ["BTCUSDT", "BTC/USDT"],
    ["BTC%2FUSDT", "BTC/USDT"],
    ["sol", "SOL/USDT"],
    ["ETHBTC", "ETH/BTC"],
  ])("reads %s", (path, symbol) => {
    expect(symbolOf(path)).toBe(symbol);
  });
});

it("knows the timeframes", () => {
  expect(timeframeOf("1H")).toBe("1h");
  expect(timeframeOf("7h")).toBeNull();
});

it("parts the watched timeframes of a symbol from the others, in their order", () => {
  const { watched, others } = timeframesOf(
    [
      { symbol: "BTC/USDT", timeframe: "1d" },
      { symbol: "BTC/USDT", timeframe: "5m" },
      { symbol: "ETH/USDT", timeframe: "1h" },
    ],
    "BTC/USDT",
  );
  expect(watched).toEqual(["5m", "1d"]);
  expect(others).toEqual(["1m", "15m", "30m", "1h", "4h", "1w"]);
});
