import { describe, expect, it } from "vitest";
import { barAt, HIGHEST, LOWEST, PERIOD, storyAt } from "./walk";

describe("the picture's market", () => {
  it("stays within the picture, and its bars hold together", () => {
    for (let at = 0; at < 10 * PERIOD; at += 1) {
      const bar = barAt(at);
      expect(bar.low).toBeGreaterThan(LOWEST);
      expect(bar.high).toBeLessThan(HIGHEST);
      expect(bar.low).toBeLessThanOrEqual(Math.min(bar.open, bar.close));
      expect(bar.close).toBe(barAt(at + 1).open);
    }
  });
  it("tells of a signal that reaches its target before its stop", () => {
    for (let at = PERIOD; at < 10 * PERIOD; at += PERIOD) {
      const story = storyAt(at);
      expect(story.at).toBeLessThanOrEqual(at);
      expect(story.reachedAt - story.at).toBeLessThan(PERIOD);
      for (let later = story.at + 1; later <= story.reachedAt; later += 1) {
        expect(barAt(later).low).toBeGreaterThan(story.stop);
      }
    }
  });
});
