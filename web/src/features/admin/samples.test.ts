import { beforeEach, describe, expect, it, vi } from "vitest";
import {
  ages,
  depths,
  keepLooks,
  type Look,
  lookAt,
  rateNow,
  rates,
  readLooks,
  WINDOW_MS,
  withLook,
} from "./samples";
import { anOverview, aQueue, aWorker } from "./testing";

const look = (time: number, ended: number, depth = 0, age = 0): Look => ({
  time,
  queues: { a: [depth, age, ended] as const, b: [1, 5, 0] as const },
});

beforeEach(() => sessionStorage.clear());

describe("lookAt", () => {
  it("keeps depth, age and what workers ended", () => {
    const overview = anOverview({
      queues: [aQueue("a", { depth: 3, oldest_age_seconds: 7 }), aQueue("b")],
      workers: [
        aWorker("w1", { metrics: { a: { endings: { done: 2, buried: 1 } } } }),
        aWorker("w2", { metrics: { a: { endings: { done: 4 } }, other: "of another version" } }),
      ],
    });
    expect(lookAt(overview, 9)).toEqual({ time: 9, queues: { a: [3, 7, 7], b: [0, 0, 0] } });
  });
});

describe("withLook", () => {
  it("forgets what is out of the window, and what a clock that was set back left in the future", () => {
    const now = 10 * WINDOW_MS;
    const kept = withLook(
      [look(now - WINDOW_MS - 1, 0), look(now - 5_000, 0), look(now + 9_000, 0)],
      look(now, 0),
    );
    expect(kept.map(one => one.time)).toEqual([now - 5_000, now]);
  });

  it("makes one of looks that lie close, and yet lets time pass", () => {
    let looks = [look(0, 0)];
    for (let time = 100; time <= 10_000; time += 100) looks = withLook(looks, look(time, 0));
    expect(looks.at(-1)?.time).toBe(10_000);
    expect(looks.length).toBeLessThan(15);
    expect(looks.length).toBeGreaterThan(4);
  });
});

describe("series", () => {
  it("add up all queues, and take the oldest age of any", () => {
    expect(depths([look(0, 0, 4, 2)], null)).toEqual([{ time: 0, value: 5 }]);
    expect(ages([look(0, 0, 4, 2)], null)).toEqual([{ time: 0, value: 5 }]);
    expect(depths([look(0, 0, 4, 2)], "a")).toEqual([{ time: 0, value: 4 }]);
    expect(depths([look(0, 0, 4, 2)], "new")).toEqual([{ time: 0, value: 0 }]);
  });
});

describe("rates", () => {
  it("are messages a minute", () => {
    expect(rates([look(0, 10), look(30_000, 20)], "a")).toEqual([{ time: 30_000, value: 20 }]);
    expect(rateNow([look(0, 10), look(30_000, 20)], "a")).toBe(20);
  });

  it("are not told from too little time, across a gap or after a worker's restart", () => {
    expect(rates([look(0, 10), look(2_000, 20)], "a")).toEqual([]);
    expect(rates([look(0, 10), look(61_000, 20)], "a")).toEqual([]);
    expect(rates([look(0, 10), look(30_000, 3)], "a")).toEqual([]);
    expect(rateNow([look(0, 10), look(30_000, 3)], "a")).toBeNull();
    expect(rateNow([], null)).toBeNull();
  });
});

describe("the storage", () => {
  it("gives back what it was given", () => {
    keepLooks([look(1, 2)]);
    expect(readLooks()).toEqual([look(1, 2)]);
  });

  it("does without what it cannot read or write", () => {
    sessionStorage.setItem("zmarty-admin-looks", "{nonsense");
    expect(readLooks()).toEqual([]);
    sessionStorage.setItem("zmarty-admin-looks", '[null, {"time": 1}, 3]');
    expect(readLooks()).toEqual([]);
    vi.spyOn(Storage.prototype, "setItem").mockImplementation(() => {
      throw new Error("full");
    });
    expect(() => keepLooks([look(1, 2)])).not.toThrow();
  });
});
