import { describe, expect, it } from "vitest";
import { choicesOf } from "./choices";

describe("choicesOf", () => {
  it("suggests before anything is typed and keeps what is chosen in sight", () => {
    const choices = choicesOf({ search: "", known: undefined, chosen: ["PEPE/USDT"] });
    expect(choices[0]).toBe("BTC/USDT");
    expect(choices.at(-1)).toBe("PEPE/USDT");
  });
  it("puts the coin that was typed and dollars first", () => {
    const known = ["ETC/USDT", "ETH/BTC", "ETH/FDUSD", "ETH/USDT"];
    expect(choicesOf({ search: "eth", known, chosen: [] })).toEqual(["ETH/USDT", "ETH/BTC", "ETH/FDUSD"]);
    expect(choicesOf({ search: "et", known, chosen: [] })[0]).toBe("ETH/USDT");
  });
  it("reads a symbol in any form", () => {
    expect(choicesOf({ search: "eth-b", known: ["ETH/BTC"], chosen: [] })).toEqual(["ETH/BTC"]);
  });
  it("lets a whole symbol be typed while the list is away", () => {
    expect(choicesOf({ search: "wld", known: undefined, chosen: [] })).toEqual(["WLD/USDT"]);
    expect(choicesOf({ search: "wld/usdc", known: undefined, chosen: [] })).toEqual(["WLD/USDC"]);
    expect(choicesOf({ search: "w", known: undefined, chosen: [] })).toEqual([]);
  });
});
