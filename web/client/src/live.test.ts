import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { connectionTo, json, streamOf } from "./fake.ts";
import { follow, type LiveEvent, SILENT_SECONDS_MAX, TOKEN_LOOKS_MAX } from "./live.ts";

const READY = 'event: ready\nid: 5-1\ndata: {"position":"5-1"}\n\n';
const SIGNAL = 'event: signal\nid: 6-1\ndata: {"symbol":"BTC/USDT"}\n\n';

beforeEach(() => {
  vi.useFakeTimers();
  vi.spyOn(Math, "random").mockReturnValue(1);
});
afterEach(() => vi.useRealTimers());

function listening() {
  const events: LiveEvent[] = [];
  const states: string[] = [];
  return {
    events,
    states,
    onEvent: (event: LiveEvent) => events.push(event),
    onState: (state: string) => states.push(state),
  };
}

describe("the live line", () => {
  it("goes on where it was, with a growing pause", async () => {
    const heard = listening();
    const over = new AbortController();
    const { connection, asked } = connectionTo(() =>
      asked.length === 1 ? streamOf([READY, SIGNAL, "id: 7-1\n\n"]) : Promise.reject(new TypeError("away")),
    );
    const following = follow(connection, heard, over.signal);
    await vi.advanceTimersByTimeAsync(20_000);
    over.abort();
    await following;
    expect(heard.events.map(event => event.type)).toEqual(["ready", "signal"]);
    expect(asked[0]?.headers.has("last-event-id")).toBe(false);
    expect(asked[1]?.headers.get("last-event-id")).toBe("7-1");
    // After 1, 2, 4 and 8 seconds.
    expect(asked).toHaveLength(5);
    expect(heard.states.slice(0, 3)).toEqual(["connecting", "live", "waiting"]);
  });

  it("hangs up a silent line, and keeps one with signs of life", async () => {
    const heard = listening();
    const over = new AbortController();
    let sign = (_: string) => {};
    const { connection, asked } = connectionTo(({ signal }) => {
      const body = new ReadableStream<Uint8Array>({
        start: controller => {
          sign = text => controller.enqueue(new TextEncoder().encode(text));
          sign(READY);
          signal?.addEventListener("abort", () => controller.error(signal.reason));
        },
      });
      return new Response(body);
    });
    const following = follow(connection, heard, over.signal);
    for (let ping = 0; ping < 20; ping += 1) {
      await vi.advanceTimersByTimeAsync(12_000);
      sign(": ping\n\n");
    }
    expect(asked).toHaveLength(1);
    await vi.advanceTimersByTimeAsync((SILENT_SECONDS_MAX + 2) * 1000);
    expect(asked).toHaveLength(2);
    over.abort();
    await following;
  });

  it("waits as long as the API says", async () => {
    const over = new AbortController();
    const full = { error: "rate_limited", message: "Too many.", details: {}, request_id: "r" };
    const { connection, asked } = connectionTo(() =>
      json(full, { status: 429, headers: { "retry-after": "5" } }),
    );
    const following = follow(connection, listening(), over.signal);
    await vi.advanceTimersByTimeAsync(4_900);
    expect(asked).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(200);
    expect(asked).toHaveLength(2);
    over.abort();
    await following;
  });

  it("comes back at once with the network", async () => {
    const over = new AbortController();
    const { connection, asked } = connectionTo(() => Promise.reject(new TypeError("away")));
    const following = follow(connection, listening(), over.signal);
    await vi.advanceTimersByTimeAsync(8_000);
    const before = asked.length;
    globalThis.dispatchEvent(new Event("online"));
    await vi.advanceTimersByTimeAsync(0);
    expect(asked).toHaveLength(before + 1);
    over.abort();
    await following;
  });

  it("ends when the user may not listen", async () => {
    const { connection, asked } = connectionTo(() =>
      json({ error: "forbidden", message: "No.", details: {}, request_id: "r" }, { status: 403 }),
    );
    await follow(connection, listening(), new AbortController().signal);
    expect(asked).toHaveLength(1);
  });

  it("comes back with another token than the refused one, and does not ask without", async () => {
    const heard = listening();
    const over = new AbortController();
    const expired = { error: "token_expired", message: "Sign in.", details: {}, request_id: "r" };
    let token: string | null = "old";
    const onSignedOut = vi.fn();
    const { connection, asked } = connectionTo(
      ({ headers, signal }) =>
        headers.get("authorization") === "Bearer new"
          ? streamOf([READY], { signal, isOpen: true })
          : json(expired, { status: 401 }),
      { accessToken: async () => token, onSignedOut },
    );
    const following = follow(connection, heard, over.signal);
    await vi.advanceTimersByTimeAsync(10_000);
    token = null;
    await vi.advanceTimersByTimeAsync(60_000);
    expect(asked).toHaveLength(1);
    expect(onSignedOut).toHaveBeenCalledTimes(1);
    token = "new";
    await vi.advanceTimersByTimeAsync(40_000);
    expect(asked).toHaveLength(2);
    expect(heard.states).toEqual(["connecting", "waiting", "connecting", "live"]);
    over.abort();
    await following;
  });

  it("does not wait for another token for ever", async () => {
    const expired = { error: "token_expired", message: "Sign in.", details: {}, request_id: "r" };
    const { connection, asked } = connectionTo(() => json(expired, { status: 401 }));
    const following = follow(connection, listening(), new AbortController().signal);
    await vi.advanceTimersByTimeAsync(TOKEN_LOOKS_MAX * 30_000);
    await following;
    expect(asked).toHaveLength(1);
  });

  it("is live after a reset, which no ready follows", async () => {
    const heard = listening();
    const over = new AbortController();
    const reset = 'event: reset\nid: 9-1\ndata: {"reason":"too_old"}\n\n';
    const { connection } = connectionTo(({ signal }) => streamOf([reset], { signal, isOpen: true }));
    const following = follow(connection, heard, over.signal);
    await vi.advanceTimersByTimeAsync(0);
    expect(heard.states).toEqual(["connecting", "live"]);
    over.abort();
    await following;
  });

  it("says that what happens is told late", async () => {
    const heard = listening();
    const over = new AbortController();
    const status = (isLive: boolean) => `event: status\ndata: {"live":${isLive}}\n\n`;
    const { connection } = connectionTo(({ signal }) =>
      streamOf([status(false), READY, status(true)], { signal, isOpen: true }),
    );
    const following = follow(connection, heard, over.signal);
    await vi.advanceTimersByTimeAsync(0);
    expect(heard.states).toEqual(["connecting", "delayed", "delayed", "live"]);
    over.abort();
    await following;
  });

  it("is not cut by what it cannot read, nor by a listener that fails", async () => {
    const over = new AbortController();
    const seen: string[] = [];
    const { connection, asked } = connectionTo(({ signal }) =>
      streamOf([READY, "event: signal\ndata: {oops\n\n", SIGNAL], { signal, isOpen: true }),
    );
    const thrown = vi.spyOn(globalThis, "setTimeout");
    const onEvent = (event: LiveEvent) => {
      seen.push(event.type);
      if (event.type === "ready") throw new Error("a fault of the page");
    };
    const following = follow(connection, { onEvent }, over.signal);
    await vi
      .advanceTimersByTimeAsync(0)
      .catch((error: Error) => expect(error.message).toBe("a fault of the page"));
    await vi.advanceTimersByTimeAsync(10);
    expect(seen).toEqual(["ready", "signal"]);
    expect(asked).toHaveLength(1);
    expect(thrown).toHaveBeenCalled();
    over.abort();
    await following;
  });
});
