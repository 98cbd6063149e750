import type { Action, CronRun, DeadLetter, Vendor } from "@zmarty/client";
import { describe, expect, it } from "vitest";
import { actionOf, endingOf, linesOf, personOf } from "./audit";
import { drawn, nearest } from "./chart";
import { choices, matching } from "./errors";
import { batchesOf, doable, LETTERS_MAX, told } from "./letters";
import { faultsOfGrant, faultsOfRefund, grantOrder, newKey, refundOrder } from "./orders";
import { partOf, pathOf } from "./partNames";
import { ordered, stateOfQueue } from "./queueOrder";
import { saidSchedule, schedulesOf } from "./schedules";
import { aLetter, anError, aQueue, aWorker } from "./testing";
import { inOrder, isDropped } from "./vendors";
import { counted, perMinute, version, waiting } from "./words";
import { labourOf, stateOfWorker } from "./workers";

describe("parts", () => {
  it("have addresses, and unknown ones are none", () => {
    expect(partOf(undefined)).toBe("queues");
    expect(partOf("dead-letters")).toBe("dead-letters");
    expect(partOf("nonsense")).toBeNull();
    expect([pathOf("queues"), pathOf("money")]).toEqual(["/admin", "/admin/money"]);
  });
});

describe("queues", () => {
  it("stand with what is wrong first, else by name", () => {
    const queues = [
      aQueue("busy", { due: 9, oldest_age_seconds: 3 }),
      aQueue("buried", { dead: 1 }),
      aQueue("late", { due: 1, oldest_age_seconds: 901 }),
      aQueue("paused", { paused_at: "2026-01-01T00:00:00Z" }),
      aQueue("all-well"),
    ];
    expect(ordered(queues).map(queue => queue.name)).toEqual([
      "paused",
      "late",
      "buried",
      "all-well",
      "busy",
    ]);
    expect(queues.map(stateOfQueue)).toEqual(["working", "idle", "late", "paused", "idle"]);
  });
});

describe("workers", () => {
  it("are silent without a beat, stalled without progress", () => {
    expect(stateOfWorker(aWorker("w"))).toBe("working");
    expect(stateOfWorker(aWorker("w", { progress_age_seconds: 181 }))).toBe("stalled");
    expect(stateOfWorker(aWorker("w", { beat_age_seconds: 61, progress_age_seconds: 400 }))).toBe("silent");
  });

  it("are read whatever another version wrote", () => {
    const metrics = {
      a: { endings: { done: 3, failed: "many" }, in_flight: null, retries: 2 },
      b: null,
      c: [1],
    };
    expect(labourOf({ metrics })).toMatchObject({ ended: 3, done: 3, inFlight: 0, retries: 2 });
    expect(labourOf({ metrics }, "absent").ended).toBe(0);
  });
});

describe("dead letters", () => {
  it("go in one request for each queue, and in no more than the API takes", () => {
    const many = Array.from({ length: LETTERS_MAX + 1 }, (_, id) => aLetter("a", id));
    const batches = batchesOf([...many, aLetter("b", 7)]);
    expect(batches.map(({ queue, ids }) => [queue, ids.length])).toEqual([
      ["a", LETTERS_MAX],
      ["a", 1],
      ["b", 1],
    ]);
  });

  it("without an original are not retried, but can be discarded", () => {
    const letters: DeadLetter[] = [aLetter("a", 1), aLetter("a", 2, { can_retry: false })];
    expect(doable(letters, "retry")).toHaveLength(1);
    expect(doable(letters, "discard")).toHaveLength(2);
  });

  it("are told of", () => {
    expect(told("retry", [{ queue: "a", asked: 4, done: 4, error: null }])).toEqual({
      isGood: true,
      text: "4 dead letters retried.",
    });
    expect(told("retry", [{ queue: "a", asked: 4, done: 3, error: null }]).text).toBe(
      "3 of 4 dead letters retried. 1 was gone already.",
    );
    expect(told("discard", [{ queue: "a", asked: 1, done: 1, error: null }]).text).toBe(
      "1 dead letter discarded.",
    );
    expect(
      told(
        "retry",
        [
          { queue: "a", asked: 2, done: 2, error: null },
          { queue: "b", asked: 1, done: 0, error: "The database is away." },
        ],
        1,
      ),
    ).toEqual({
      isGood: false,
      text: "2 of 4 dead letters retried. 1 holds no message that could be sent again. b (1): The database is away.",
    });
  });
});

const run = (job: string, over: Partial<CronRun> = {}): CronRun => ({
  database: "chat",
  job_name: job,
  schedule: "* * * * *",
  status: "succeeded",
  message: null,
  started_at: "2026-01-01T00:00:00Z",
  ended_at: "2026-01-01T00:00:01Z",
  age_seconds: 10,
  ...over,
});

describe("schedules", () => {
  it("stand with failed and late ones first, their runs oldest first", () => {
    const runs = [
      run("fine", { started_at: "2026-01-01T00:02:00Z" }),
      run("fine", { started_at: "2026-01-01T00:01:00Z", status: "failed" }),
      run("never", { started_at: null, status: null, age_seconds: null }),
      run("slow"),
      run("broken", { status: "failed", message: "division by zero" }),
    ];
    const found = schedulesOf(runs, ["schedule slow of the chat database is late"]);
    expect(found.map(one => one.job)).toEqual(["broken", "slow", "fine", "never"]);
    expect(found[2]).toMatchObject({ failures: 1, isFailed: false, isLate: false });
    expect(found[2]?.runs.map(one => one.started_at)).toEqual([
      "2026-01-01T00:01:00Z",
      "2026-01-01T00:02:00Z",
    ]);
    expect(found[3]?.runs).toEqual([]);
  });

  it("are said in words where there are some", () => {
    expect(saidSchedule("* * * * *")).toBe("every minute");
    expect(saidSchedule("*/5 * * * *")).toBe("every 5 minutes");
    expect(saidSchedule("7 * * * *")).toBe("hourly at :07");
    expect(saidSchedule("11 2 * * *")).toBe("daily at 02:11 UTC");
    for (const other of ["7,17 0 * * *", "0 0 1 * *", "0 */2 * * *", "nonsense"])
      expect(saidSchedule(other)).toBe(other);
  });
});

const action = (id: number, name: string, of: number | null = null): Action => ({
  id,
  actor: "user:3f0 boss@example.com",
  action: name,
  entity: "queue:a",
  old: null,
  new: {},
  ip: null,
  user_agent: null,
  result_of: of,
  created_at: "2026-01-01T00:00:00Z",
});

describe("the audit", () => {
  it("makes one line of an intent and its result", () => {
    const lines = linesOf([
      action(5, "queue_pause_requested"),
      action(4, "queue_purge_failed", 3),
      action(3, "queue_purge_requested"),
      action(2, "outbox_retry_done", 1),
    ]);
    expect(lines.map(line => [line.intent.id, line.result?.id ?? null, endingOf(line)])).toEqual([
      [5, null, "unknown"],
      [3, 4, "failed"],
      [2, null, "done"],
    ]);
    expect(actionOf("queue_purge_failed")).toBe("queue purge");
    expect(personOf("user:3f0 boss@example.com")).toBe("boss@example.com");
    expect(personOf("zmarty on laptop")).toBe("zmarty on laptop");
  });
});

describe("errors", () => {
  const errors = [
    anError(1, { service: "api", code: "timeout", request_id: "REQ-77" }),
    anError(2, { service: "worker", code: "timeout", queue: "compute_risk" }),
    anError(3, { service: "worker", code: "broken", message: "Division by zero" }),
  ];
  const found = (filter: Partial<Parameters<typeof matching>[1]>) =>
    matching(errors, { service: "", code: "", text: "", ...filter }).map(error => error.id);

  it("are found by service, code, request and words", () => {
    expect(found({})).toEqual([1, 2, 3]);
    expect(found({ service: "worker", code: "timeout" })).toEqual([2]);
    expect(found({ text: " req-77 " })).toEqual([1]);
    expect(found({ text: "division" })).toEqual([3]);
    expect(found({ text: "risk" })).toEqual([2]);
  });

  it("offer what there is, with how often", () => {
    expect(choices(errors, "code")).toEqual([
      ["broken", 1],
      ["timeout", 2],
    ]);
  });
});

describe("vendors", () => {
  const vendor = (name: string, over: Partial<Vendor>) =>
    ({ vendor: name, paused_until: null, is_low: false, requests: 0, ...over }) as Vendor;

  it("stand with what needs a look first", () => {
    const all = [
      vendor("unused", {}),
      vendor("used", { requests: 1 }),
      vendor("low", { is_low: true }),
      vendor("paused", { paused_until: "2026-01-01T00:00:00Z" }),
    ];
    expect(inOrder(all).map(one => one.vendor)).toEqual(["paused", "low", "used", "unused"]);
  });

  it("leave a source out until it is asked again", () => {
    const [early, late] = ["2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"];
    expect(isDropped({ asked_at: early, dropped_at: late })).toBe(true);
    expect(isDropped({ asked_at: late, dropped_at: early })).toBe(false);
    expect(isDropped({ asked_at: null, dropped_at: early })).toBe(true);
    expect(isDropped({ asked_at: early, dropped_at: null })).toBe(false);
  });
});

describe("corrections", () => {
  const user = "1b4e28ba-2fa1-41d2-883f-0016d3cca427";
  const grant = { user, credits: "50", kind: "bonus" as const, expires: "", reason: "Sorry", key: "k" };

  it("are sent as they were typed", () => {
    expect(faultsOfGrant(grant)).toEqual({});
    expect(grantOrder({ ...grant, expires: "2030-01-31", reason: " Sorry " })).toEqual({
      user_id: user,
      credits: 50,
      kind: "bonus",
      expires_at: "2030-01-31T23:59:59Z",
      reason: "Sorry",
      key: "k",
    });
    expect(refundOrder({ entry: "12", credits: "", reason: "Twice", key: "k" })).toEqual({
      entry_id: 12,
      credits: null,
      reason: "Twice",
      key: "k",
    });
  });

  it("are checked before", () => {
    const now = new Date("2026-06-01T00:00:00Z");
    const faults = (over: Partial<typeof grant> & { kind?: "bonus" | "purchased" }) =>
      Object.keys(faultsOfGrant({ ...grant, ...over }, now));
    expect(faults({ user: "ada@example.com" })).toEqual(["user"]);
    for (const credits of ["", "0", "1.5", "-3", "1000001", "x"])
      expect(faults({ credits })).toEqual(["credits"]);
    expect(faultsOfGrant({ ...grant, kind: "purchased" }, now)).toHaveProperty("credits");
    expect(faultsOfGrant({ ...grant, kind: "purchased", credits: "500" }, now)).toEqual({});
    expect(faults({ expires: "2026-05-31" })).toEqual(["expires"]);
    expect(faults({ reason: "a ", key: " " })).toEqual(["reason", "key"]);
    expect(Object.keys(faultsOfRefund({ entry: "", credits: "0", reason: "", key: "k" }))).toEqual([
      "entry",
      "credits",
      "reason",
    ]);
  });

  it("have keys of their own", () => {
    expect(newKey()).not.toBe(newKey());
  });
});

describe("charts", () => {
  it("break where nobody looked", () => {
    const points = [0, 10_000, 20_000, 200_000, 210_000].map((time, value) => ({ time, value }));
    expect(drawn(points)).toMatchObject({ highest: 4, newest: 4, from: 0, to: 210_000 });
    expect(drawn(points).lines).toHaveLength(2);
  });

  it("stand at the right while they are short, and do without points", () => {
    const { lines, from } = drawn([{ time: 100_000, value: 0 }]);
    expect(from).toBe(40_000);
    expect(lines[0]?.startsWith("100.00,")).toBe(true);
    expect(drawn([])).toMatchObject({ lines: [], newest: null, highest: 0 });
  });

  it("find the point under a finger", () => {
    const points = [0, 60_000, 120_000].map((time, value) => ({ time, value }));
    expect(nearest(points, 0.6)?.value).toBe(1);
    expect(nearest(points, 2)?.value).toBe(2);
    expect(nearest([], 0.5)).toBeNull();
  });
});

describe("words", () => {
  it("are counted", () => {
    expect([counted(1, "letter"), counted(2, "letter"), counted(0, "entry", "entries")]).toEqual([
      "1 letter",
      "2 letters",
      "0 entries",
    ]);
    expect([perMinute(null), perMinute(0), perMinute(2.5), perMinute(120.4)]).toEqual([
      "–",
      "0/min",
      "2.5/min",
      "120/min",
    ]);
    expect([waiting(0), waiting(7200)]).toEqual(["0 s", "2 h"]);
    expect([version("a".repeat(40)), version("development")]).toEqual(["aaaaaaa", "development"]);
  });
});
