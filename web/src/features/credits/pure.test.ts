import type { EntryAnswer, ModelAnswer } from "@zmarty/client";
import { describe, expect, it } from "vitest";
import { costOf, pricesOf, usualSize } from "./costs";
import { daysUntil, monthsOf, monthsSince, roundTop, spentOn } from "./days";
import { faultOf, NO_FILTER, queryOf } from "./filter";
import { faultsOf, formOf, requestOf } from "./limits";
import { whatOf } from "./words";

const GROK = { input_per_1k: 1, output_per_1k: 4, call_minimum: 1 };
const GPT = { input_per_1k: 3, output_per_1k: 10, call_minimum: 2 };
const NOW = new Date("2026-12-02T01:00:00Z");

describe("what a question costs", () => {
  it.each([
    [GROK, 500, 1_000, 6],
    [GPT, 1_500, 2_000, 27],
    [GPT, 2_000, 3_000, 38],
    [GROK, 150, 300, 3],
  ])("is as agreed: %o, %i in, %i out", (rate, input, output, credits) => {
    expect(costOf(rate, { input, output })).toBe(credits);
  });

  it("is told for the size of one's own questions, when there are any", () => {
    const sized = (input: number | null, output: number | null) =>
      ({ input_tokens: input, output_tokens: output }) as EntryAnswer;
    expect(usualSize([])).toBeNull();
    expect(usualSize([sized(null, null)])).toBeNull();
    expect(usualSize([sized(900, 300), sized(100, 5_000), sized(1_000, 400), sized(null, null)])).toEqual({
      input: 900,
      output: 400,
    });
    expect(usualSize([sized(100, 10), sized(200, 20)])).toEqual({ input: 150, output: 15 });
  });

  it("has a row for each family, and another one for a model that costs something else", () => {
    const model = (id: string, family: string | null, rate: typeof GROK | null): ModelAnswer => ({
      id,
      family,
      rate,
      tier: null,
      object: "model",
      created: 0,
      owned_by: "x",
    });
    const rows = pricesOf([
      model("auto", null, null),
      model("gpt", "gpt", GPT),
      model("gpt-1", "gpt", GPT),
      model("gpt-2", "gpt", { ...GPT }),
      model("gpt-mini", "gpt", GROK),
    ]);
    expect(rows.map(row => [row.family, row.models.map(({ id }) => id)])).toEqual([
      ["gpt", ["gpt-1", "gpt-2"]],
      ["gpt", ["gpt-mini"]],
    ]);
  });
});

describe("days", () => {
  it("end today, in UTC, and name the months to ask for", () => {
    const days = daysUntil(NOW, 4);
    expect(days).toEqual(["2026-11-29", "2026-11-30", "2026-12-01", "2026-12-02"]);
    expect(monthsOf(days)).toEqual(["2026-11", "2026-12"]);
  });

  it("without spending are there, too", () => {
    const statement = { month: "2026-12", opening: 0, closing: 0, totals: [] };
    const spent = spentOn(daysUntil(NOW, 2), [{ ...statement, days: [{ day: "2026-12-02", credits: 7 }] }]);
    expect(spent).toEqual([
      { day: "2026-12-01", credits: 0 },
      { day: "2026-12-02", credits: 7 },
    ]);
  });

  it("have months back to the first one, over the turn of a year", () => {
    expect(monthsSince(new Date("2026-11-20T00:00:00Z"), new Date("2027-01-31T12:00:00Z"))).toEqual([
      "2027-01",
      "2026-12",
      "2026-11",
    ]);
    expect(monthsSince(NOW, NOW)).toEqual(["2026-12"]);
    expect(monthsSince(new Date(0), NOW)).toHaveLength(24);
  });

  it.each([
    [0, 4],
    [5, 6],
    [6, 6],
    [9, 10],
    [12, 20],
    [90, 100],
    [101, 200],
    [230, 250],
    [9_999, 10_000],
  ])("with at most %i fit below %i", (most, top) => {
    expect(roundTop(most)).toBe(top);
  });
});

describe("the filter of the history", () => {
  it("asks for whole days of the user's calendar, the last one too", () => {
    const query = queryOf({ kind: "charge", from: "2026-11-27", to: "2026-11-27", model: "grok-4.7" });
    expect(query).toMatchObject({ kind: "charge", model: "grok-4.7" });
    expect(new Date(query.to ?? 0).getTime() - new Date(query.from ?? 0).getTime()).toBe(86_400_000);
    expect(queryOf(NO_FILTER)).toEqual({});
  });

  it("says when its days are the wrong way round", () => {
    expect(faultOf({ ...NO_FILTER, from: "2026-11-28", to: "2026-11-27" })).not.toBeNull();
    expect(faultOf({ ...NO_FILTER, from: "2026-11-27", to: "2026-11-27" })).toBeNull();
    expect(faultOf({ ...NO_FILTER, from: "2026-11-27" })).toBeNull();
  });
});

describe("limits", () => {
  it("are lifted by an empty field", () => {
    expect(formOf({ per_request: null, per_day: 0 })).toEqual({ per_request: "", per_day: "0" });
    expect(requestOf({ per_request: " ", per_day: "0" })).toEqual({ per_request: null, per_day: 0 });
  });

  it.each([
    ["0", "10", ["per_request"]],
    ["ten", "-1", ["per_request", "per_day"]],
    ["1.5", "1e3", ["per_request", "per_day"]],
    ["1000001", "", ["per_request"]],
    ["1", "0", []],
    ["", "", []],
  ])("of %s and %s are wrong in %j", (per_request, per_day, wrong) => {
    expect(Object.keys(faultsOf({ per_request, per_day }))).toEqual(wrong);
  });
});

it("what happened is said in words", () => {
  expect(whatOf({ kind: "charge", reason: "chat" })).toBe("Answer in the chat");
  expect(whatOf({ kind: "charge", reason: "pattern_effectiveness" })).toBe("Pattern effectiveness");
  expect(whatOf({ kind: "grant", reason: "Welcome to Zmarty" })).toBe("Welcome to Zmarty");
});
