import { beforeEach, describe, expect, it } from "vitest";
import { setNumberLanguage } from "~/format";
import { calibration, signal, winRate } from "./fixtures";
import {
  calibrationOf,
  calibrationWords,
  horizonsOf,
  mainStrategy,
  outcomeAt,
  reasoningOf,
  recordOf,
  recordWords,
  spansOf,
  standingOf,
} from "./record";

beforeEach(() => setNumberLanguage("en-GB"));

describe("recordOf", () => {
  const rows = [
    winRate({ horizon: "30d" }),
    winRate({ horizon: "24h", direction: "short" }),
    winRate({ horizon: "24h", direction: "all" }),
    winRate({ horizon: "7d", origin: "live" }),
    winRate({ horizon: "24h", lookback_days: 30 }),
    winRate({ horizon: "24h", strategy_version: "relay:someone", computed_at: "2027-01-01T00:00:00Z" }),
  ];
  it("takes one origin and span of our own rules, the shortest horizon first", () => {
    const record = recordOf(rows, { origin: "all", days: 365 });
    expect(record.map(row => [row.horizon, row.direction])).toEqual([
      ["24h", "all"],
      ["24h", "short"],
      ["30d", "all"],
    ]);
  });
  it("knows the spans", () => {
    expect(spansOf(rows)).toEqual([30, 365]);
  });
  it("takes a relayed strategy only where there is no other", () => {
    expect(mainStrategy(rows)).toBe("blend-2");
    expect(mainStrategy(rows.slice(-1))).toBe("relay:someone");
    expect(mainStrategy([])).toBeNull();
  });
});

describe("standingOf", () => {
  it.each([
    [{}, "better"],
    [{ low: 0.3 }, "same"],
    [{ low: 0.1, high: 0.3, rate: 0.2 }, "worse"],
    [{ n_effective: 12 }, "few"],
    [{ n: 0, rate: null }, "none"],
    [{ baseline: null }, "same"],
  ] as const)("of %j is %s", (changes, standing) => {
    expect(standingOf(winRate(changes))).toBe(standing);
  });
});

describe("recordWords", () => {
  it("tells the rate, how sure it is, that of random entries, and what it cost", () => {
    expect(recordWords(winRate())).toBe(
      "42% (35%–50%) of 841 signals reached their target first; random entries reached it 33% of the time. After costs a signal lost 0.10% on average.",
    );
    expect(recordWords(winRate({ expectancy: 0.002 }))).toContain("earned 0.20%");
  });
  it("says when there are too few", () => {
    expect(recordWords(winRate({ n: 9, n_effective: 4 }))).toContain("too few to say");
    expect(recordWords(winRate({ n: 0, rate: null }))).toContain("No signal has ended yet");
    expect(recordWords(undefined)).toContain("No signal has ended yet");
  });
});

describe("reasoningOf", () => {
  const reasons = [
    { code: "score_long", text: "score" },
    { code: "trend_up", text: "trend" },
    { code: "momentum_down", text: "momentum" },
    { code: "risk_high", text: "risk" },
    { code: "ls_ratio", text: "ratio" },
  ];
  it("parts what speaks for a signal from what speaks against it", () => {
    expect(reasoningOf(signal(0, { reasons }))).toEqual({
      supports: ["score", "trend"],
      against: ["momentum", "risk"],
      context: ["ratio"],
    });
  });
  it("has no sides for a flat one", () => {
    const flat = signal(0, {
      direction: "flat",
      reasons: [{ code: "score_flat", text: "flat" }, ...reasons.slice(1)],
    });
    expect(reasoningOf(flat)).toEqual({
      supports: ["flat"],
      against: [],
      context: ["trend", "momentum", "risk", "ratio"],
    });
  });
  it("takes plain texts of relayed signals, and leaves out what it does not know", () => {
    expect(reasoningOf(signal(0, { reasons: ["because", null, { code: "x" }, 3] })).supports).toEqual([
      "because",
    ]);
  });
});

describe("outcomes", () => {
  const outcome = {
    horizon: "7d",
    barrier: "target",
    ambiguous: false,
    return_net: 0.02,
    r_multiple: 1.5,
    closed_at: "2026-11-27T00:00:00Z",
  };
  const judged = signal(0, { outcomes: [outcome, { ...outcome, horizon: "24h", barrier: "stop" }] });
  it("are found by horizon", () => {
    expect(outcomeAt(judged, "24h")?.barrier).toBe("stop");
    expect(outcomeAt(judged, "30d")).toBeNull();
  });
  it("tell which horizons there are", () => {
    expect(horizonsOf([signal(1), judged])).toEqual(["24h", "7d"]);
  });
});

describe("calibration", () => {
  it("is that of our own rules and one direction", () => {
    const rows = [
      calibration({ strategy_version: "relay:a", direction: "long", n: 1 }),
      calibration({ direction: "long", n: 2 }),
      calibration({ n: 3 }),
    ];
    expect(calibrationOf(rows, "long")?.n).toBe(2);
    expect(calibrationOf([], "all")).toBeNull();
  });
  it.each([
    [{}, "too careful"],
    [{ mean_share: 0.3 }, "too sure"],
    [{ mean_share: 0.41 }, "confidences were kept"],
    [{ n_effective: 3 }, "Too few"],
    [{ mean_share: null }, "Too few"],
  ])("of %j says %s", (changes, words) => {
    expect(calibrationWords(calibration(changes))).toContain(words);
  });
});
