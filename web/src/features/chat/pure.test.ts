import { type Allowance, ApiError, type BalanceAnswer, type ModelAnswer, UNREACHABLE } from "@zmarty/client";
import { beforeEach, describe, expect, it } from "vitest";
import { isNamed } from "./AnswerSignals";
import { askedAnew, askedIn, forgetAsked, keepAsked } from "./asked";
import { byDay } from "./days";
import { AnswerCut, isUncertain, troubleOf } from "./errors";
import { lookupText } from "./lookups";
import type { ChatMessage } from "./messages";
import { choicesOf, estimate, isWithin, modelName } from "./models";
import { reconcile } from "./reconcile";
import { suggestionsFor } from "./suggestions";

const OPTIONS = { model: "auto", priceCap: null, hasVoice: false };
const ask = (kind: "submit" | "regenerate", after: string | null) =>
  askedAnew(kind, { conversation: "c1", text: "Why?", symbol: null, after, options: OPTIONS });

describe("errors", () => {
  it.each([
    [new ApiError("credits_exhausted", "x", 402, { needed: 17, available: 3 }), "credits", true],
    [
      new ApiError("spending_limit_reached", "x", 402, { limit: "per_day", needed: 5, left: 1 }),
      "limits",
      true,
    ],
    [new ApiError("rate_limited", "x", 429, {}, null, 7), "wait", true],
    [new ApiError("symbol_unknown", "There is no symbol.", 404), "edit", true],
    [new ApiError("field_invalid", "message must have …", 422), "edit", true],
    [new ApiError("field_invalid", "price_cap must be at least 4", 422), "options", true],
    [new ApiError("model_unknown", "x", 404), "options", true],
    [new ApiError("not_found", "x", 404), "new", true],
    [new ApiError(UNREACHABLE, "x", 0), "retry", false],
    [new Error("internal_error: The answer was lost on our side."), "retry", true],
    [new TypeError("network error"), "retry", false],
    [new AnswerCut(), "retry", false],
  ] as const)("%s is helped by %s", (error, remedy, isUncharged) => {
    const trouble = troubleOf(error);
    expect([trouble.remedy, trouble.isUncharged]).toEqual([remedy, isUncharged]);
    expect(isUncertain(error)).toBe(!isUncharged);
  });

  it("name the numbers that matter", () => {
    const trouble = troubleOf(new ApiError("credits_exhausted", "x", 402, { needed: 17, available: 3 }));
    expect(trouble.text).toContain("17 credits");
    expect(trouble.text).toContain("you have 3");
    expect(troubleOf(new ApiError("rate_limited", "x", 429, {}, null, 6.2)).waitSeconds).toBe(7);
  });
});

describe("what was asked", () => {
  beforeEach(() => sessionStorage.clear());

  it("is kept whole over a reload, with its key", () => {
    const asked = ask("submit", null);
    keepAsked("c1", asked);
    expect(askedIn("c1")).toEqual(asked);
    expect(asked.body).toMatchObject({ message: "Why?", conversation_id: "c1", trigger: "submit-message" });
    forgetAsked("c1");
    expect(askedIn("c1")).toBeNull();
  });
  it("is nothing when what is kept is not ours", () => {
    sessionStorage.setItem("zmarty-asked:c1", "{");
    expect(askedIn("c1")).toBeNull();
  });
});

describe("stored and asked", () => {
  const message = (id: string, role: "user" | "assistant"): ChatMessage => ({
    id,
    role,
    parts: [{ type: "text", text: id }],
  });
  const stored = [message("q1", "user"), message("a1", "assistant")];

  it("agree when nothing is under way", () => {
    expect(reconcile(stored, null)).toEqual({ messages: stored, isAnswered: true });
  });
  it("show the question whose answer is under way", () => {
    const { messages, isAnswered } = reconcile(stored, ask("submit", "a1"));
    expect(messages.map(each => each.role)).toEqual(["user", "assistant", "user"]);
    expect(isAnswered).toBe(false);
    expect(reconcile([], ask("submit", null)).messages).toHaveLength(1);
  });
  it("know an answer that came meanwhile", () => {
    const more = [...stored, message("q2", "user"), message("a2", "assistant")];
    expect(reconcile(more, ask("submit", "a1"))).toEqual({ messages: more, isAnswered: true });
  });
  it("hide the answer that is being replaced", () => {
    const { messages, isAnswered } = reconcile(stored, ask("regenerate", "a1"));
    expect([messages.map(each => each.id), isAnswered]).toEqual([["q1"], false]);
  });
});

describe("models", () => {
  const model = (id: string, owner: string, rate: [number, number, number] | null): ModelAnswer => ({
    id,
    created: 0,
    owned_by: owner,
    family: null,
    tier: null,
    rate: rate && { input_per_1k: rate[0], output_per_1k: rate[1], call_minimum: rate[2] },
  });
  const models = [
    model("auto", "zmarty", null),
    model("ensemble", "zmarty", null),
    model("grok", "zmarty", [1, 4, 1]),
    model("gpt", "zmarty", [3, 10, 2]),
    model("grok-4.7", "xai", [1, 4, 1]),
  ];
  const plan: Allowance = {
    price_cap: 20,
    tokens_max: 1_000,
    symbols_max: 5,
    requests_per_minute: 10,
    concurrent_streams: 2,
    credits_monthly: 0,
    voice: false,
  };
  const balance: BalanceAnswer = {
    balance: 100,
    held: 0,
    available: 100,
    low: false,
    low_since: null,
    grants: [],
    next_monthly: null,
    limits: { per_request: null, per_day: null, used_today: 0, left_today: null },
  };
  const asking = { models, choice: "auto", plan, balance, priceCap: null, hasVoice: false, question: "" };

  it("have names for people", () => {
    expect([modelName("gpt-6.1-sol"), modelName("xai"), modelName("claude")]).toEqual([
      "GPT 6.1 Sol",
      "xAI",
      "Claude",
    ]);
    expect(choicesOf(models).models.map(each => each.id)).toEqual(["grok-4.7"]);
    expect(isWithin({ ...model("x", "y", null), tier: "pro" }, "free")).toBe(false);
  });
  it("cost what the pricing says", () => {
    // Read 1,500: Grok writes 400 for ⌈1.5 + 1.6⌉ + 1, GPT for ⌈4.5 + 4⌉ + 2.
    expect(estimate(asking)).toEqual({ usual: 5, most: 20 });
    expect(estimate({ ...asking, choice: "gpt" })).toEqual({ usual: 11, most: 20 });
    expect(estimate({ ...asking, choice: "grok", hasVoice: true })).toEqual({ usual: 10, most: 20 });
  });
  it("cost no more than the least of all bounds", () => {
    expect(estimate({ ...asking, priceCap: 3 })?.most).toBe(3);
    expect(estimate({ ...asking, balance: { ...balance, available: 0 } })).toEqual({ usual: 0, most: 0 });
    expect(estimate({ ...asking, choice: "ensemble" })?.most).toBe(20);
    expect(estimate({ ...asking, plan: undefined })).toBeNull();
  });
});

it("days are named as people name them", () => {
  const now = new Date(2026, 10, 27, 9);
  const at = (day: number) => ({ updated_at: new Date(2026, 10, day, 22).toISOString() });
  const groups = byDay([at(27), at(26), at(26), at(24), at(1)], now);
  expect(groups.map(group => group.items.length)).toEqual([1, 2, 1, 1]);
  expect(groups.slice(0, 2).map(group => group.name)).toEqual(["Today", "Yesterday"]);
});

it("lookups are told in words", () => {
  expect(lookupText("get_win_rate", { symbol: "ETH/USDT" }, true)).toBe("Looked up the win rate of ETH/USDT");
  expect(lookupText("simulate", { symbol: "ETH/USDT", timeframe: "1h" }, false)).toBe(
    "Replaying the past of ETH/USDT 1h",
  );
  expect(lookupText("get_new_thing", "no object", true)).toBe("Looked up new thing");
});

it("suggestions are about what is watched", () => {
  expect(suggestionsFor([{ symbol: "SOL/USDT", timeframe: "4h" }])[0]).toBe(
    "How sure are you of SOL/USDT 4h?",
  );
  expect(new Set(suggestionsFor([{ symbol: "SOL/USDT", timeframe: "4h" }])).size).toBe(4);
});

it("a question names a symbol in any of its spellings", () => {
  const signal = { symbol: "ETH/USDT" };
  expect(["What of eth?", "ETHUSDT now", "ETH-USDT"].map(text => isNamed(signal, text))).toEqual([
    true,
    true,
    true,
  ]);
  expect(isNamed(signal, "Something else")).toBe(false);
});
