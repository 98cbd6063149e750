import { describe, expect, it } from "vitest";
import { candlesSample, marketSample, signalSample, watchedSample } from "~/features/markets/samples";
import { firstOf, progressOf, shareOf } from "./progress";

const pending = watchedSample({ mirror: { state: "pending", mirrored_at: null } });
const parked = watchedSample({ mirror: { state: "parked", mirrored_at: null } });
const bare = { candles: undefined, signal: undefined };

describe("progressOf", () => {
  it("goes from saved to the signal", () => {
    const done = (changes: Parameters<typeof marketSample>[0], hasIndicators?: boolean) =>
      progressOf(marketSample({ ...bare, ...changes }), hasIndicators).done;
    expect(done({ watched: pending })).toBe(1);
    expect(done({})).toBe(2);
    expect(done({ candles: candlesSample([1]) }, false)).toBe(3);
    expect(done({ candles: candlesSample([1]) }, true)).toBe(4);
    expect(done({ signal: signalSample() }, true)).toBe(5);
  });
  it("takes a signal as the proof of all before it", () => {
    expect(
      progressOf(marketSample({ ...bare, watched: pending, signal: signalSample() }), undefined).done,
    ).toBe(5);
  });
  it("stops where a symbol was not accepted", () => {
    expect(progressOf(marketSample({ ...bare, watched: parked }), undefined)).toMatchObject({
      done: 1,
      isParked: true,
    });
  });
});

describe("shareOf", () => {
  it("is whole when nothing is left to wait for", () => {
    const ready = { done: 5, isParked: false, text: "" };
    expect(shareOf([])).toBe(0);
    expect(shareOf([ready, { done: 0, isParked: false, text: "" }])).toBe(0.5);
    expect(shareOf([ready, { done: 1, isParked: true, text: "" }])).toBe(1);
  });
});

describe("firstOf", () => {
  it("prefers a signal with a direction, then the strongest", () => {
    const of = (direction: "long" | "flat", strength: number) =>
      marketSample({ signal: signalSample({ direction, strength }) });
    const weak = of("long", 10);
    const strong = of("long", 60);
    expect(firstOf([of("flat", 29), weak])).toBe(weak);
    expect(firstOf([weak, strong])).toBe(strong);
    expect(firstOf([marketSample({ signal: null })])).toBeNull();
  });
});
