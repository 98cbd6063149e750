import type { Health, ProviderOverview } from "@zmarty/client";
import { describe, expect, it } from "vitest";
import { anOverview, aQueue, aWorker } from "./testing";
import { isLate, troubleOf, troublesOf } from "./troubles";

const health = (...reasons: string[]) => ({ reasons }) as Health;

describe("troubleOf", () => {
  it("says where to go and how bad it is", () => {
    expect(troubleOf("the chat database does not answer (TimeoutError)")).toEqual({
      tone: "bad",
      part: "health",
      text: "The chat database does not answer (TimeoutError)",
    });
    expect(troubleOf("schedule upkeep of the chat database failed").part).toBe("schedules");
    expect(troubleOf("1 change was refused by the trading database and waits for an operator").part).toBe(
      "mirror",
    );
    expect(troubleOf("queue reconcile is paused").part).toBe("queues");
  });

  it("says seconds as people do", () => {
    expect(troubleOf("the oldest message of compute_risk waits for 7200 s").text).toMatch(/waits for 2 h$/);
  });

  it("keeps a reason it does not know", () => {
    expect(troubleOf("the moon is in the way")).toEqual({
      tone: "warn",
      part: "health",
      text: "The moon is in the way",
    });
  });
});

describe("troublesOf", () => {
  it("is empty when all is well, and while nothing is known", () => {
    expect(troublesOf(health(), anOverview())).toEqual([]);
    expect(troublesOf(undefined, undefined)).toEqual([]);
  });

  it("puts the worst first", () => {
    const found = troublesOf(health("queue reconcile is paused", "no worker is running"), anOverview());
    expect(found.map(one => one.text)).toEqual(["No worker is running", "Queue reconcile is paused"]);
  });

  it("counts dead letters, which the API does not call unhealthy", () => {
    const overview = anOverview({ queues: [aQueue("a", { dead: 1 }), aQueue("b")] });
    expect(troublesOf(health(), overview)).toEqual([
      { tone: "warn", part: "dead-letters", text: "1 dead letter waits for an operator" },
    ]);
  });

  it("names a silent worker only while others work", () => {
    const silent = aWorker("lost", { beat_age_seconds: 61 });
    const some = troublesOf(health(), anOverview({ workers: [silent, aWorker("well")] }));
    expect(some.map(one => one.text)).toEqual(["No sign of life from lost"]);
    const none = troublesOf(health("no worker is running"), anOverview({ workers: [silent] }));
    expect(none.map(one => one.text)).toEqual(["No worker is running"]);
  });

  it("names open breakers, paused vendors and low quotas", () => {
    const providers = {
      providers: [{ models: { "model-a": "open", "model-b": "closed" } }],
      vendors: [
        {
          vendor: "cryptometer",
          paused_until: "2026-01-01T00:00:00Z",
          is_low: true,
          monthly_quota: 10,
          requests: 9,
        },
        { vendor: "vision", paused_until: null, is_low: true, monthly_quota: 10, requests: 9 },
        { vendor: "binance", paused_until: null, is_low: false, monthly_quota: null, requests: 9 },
      ],
      sources: [],
    } as unknown as ProviderOverview;
    expect(troublesOf(health(), anOverview(), providers).map(one => one.text)).toEqual([
      "The breaker of model-a is open",
      "cryptometer is paused",
      "vision has used 9 of 10 requests this month",
    ]);
  });
});

describe("isLate", () => {
  it("is what the API calls late, of that database alone", () => {
    const reasons = ["schedule upkeep of the chat database is late"];
    expect(isLate(reasons, "chat", "upkeep")).toBe(true);
    expect(isLate(reasons, "trading", "upkeep")).toBe(false);
    expect(isLate(reasons, "chat", "keep")).toBe(false);
  });
});
