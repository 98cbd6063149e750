import { afterEach, describe, expect, it, vi } from "vitest";
import { connectionTo, json, streamOf } from "./fake.ts";
import { ApiError, addressOf, refusalOf } from "./http.ts";
import { createClient } from "./index.ts";

afterEach(() => vi.useRealTimers());

describe("a request", () => {
  it("fills in the path and the query, and shows the token in a header alone", async () => {
    const { connection, asked } = connectionTo(() => json({ items: [], next: null }));
    await createClient(connection).get("/v1/signals/{symbol}", {
      path: { symbol: "BTC/USDT" },
      query: { limit: 5 },
    });
    expect(asked[0]?.url).toBe("https://api.test/v1/signals/BTC%2FUSDT?limit=5");
    expect(asked[0]?.headers.get("authorization")).toBe("Bearer token");
  });

  it("goes without a token when nobody is signed in", async () => {
    const { connection, asked } = connectionTo(() => json({}), { accessToken: async () => null });
    await createClient(connection).get("/healthz");
    expect(asked[0]?.headers.has("authorization")).toBe(false);
  });

  it.each(["", ".", ".."])("never has a path that a browser would change: %j", symbol => {
    expect(() => addressOf("/v1/signals/{symbol}", { path: { symbol } })).toThrow(TypeError);
  });

  it("leaves out what is not said, and repeats lists", () => {
    expect(addressOf("/x", { query: { a: undefined, b: null, c: ["1", "2"], d: 0, e: "ä&b" } })).toBe(
      "/x?c=1&c=2&d=0&e=%C3%A4%26b",
    );
  });

  it.each([
    ["204", new Response(null, { status: 204 })],
    ["an empty 200", new Response("")],
  ])("answers undefined for %s", async (_, response) => {
    const { connection } = connectionTo(() => response);
    const client = createClient(connection);
    expect(await client.delete("/v1/chat/{id}/stream", { path: { id: "a" } })).toBeUndefined();
  });

  it("gives a file as it is", async () => {
    const { connection, asked } = connectionTo(() => new Response("id,kind\r\n"));
    const file = await createClient(connection).file("/v1/credits/history", { query: { format: "csv" } });
    expect(await file.text()).toBe("id,kind\r\n");
    expect(asked[0]?.url).toBe("https://api.test/v1/credits/history?format=csv");
  });
});

describe("a refusal", () => {
  it("is an ApiError with the API's code, details and request", async () => {
    const body = { error: "credits_exhausted", message: "Top up.", details: { needed: 9 }, request_id: "r1" };
    const { connection } = connectionTo(() => json(body, { status: 402 }));
    await expect(createClient(connection).get("/v1/credits")).rejects.toMatchObject({
      name: "ApiError",
      code: "credits_exhausted",
      message: "Top up.",
      status: 402,
      details: { needed: 9 },
      requestId: "r1",
    });
  });

  it.each([
    ["a page", "<html>Bad gateway</html>"],
    ["nothing", ""],
    ["another document", '{"detail": "no"}'],
    ["a bare word", "null"],
  ])("that is %s is told by its status", async (_, body) => {
    const refusal = await refusalOf(new Response(body, { status: 502, headers: { "x-request-id": "r2" } }));
    expect(refusal).toMatchObject({ code: "unexpected_answer", status: 502, requestId: "r2", details: {} });
  });

  it("says how long to wait, in seconds or as a date", async () => {
    const wait = async (told: string) =>
      (await refusalOf(new Response("", { status: 429, headers: { "retry-after": told } }))).retryAfter;
    expect(await wait("7")).toBe(7);
    expect(await wait("0")).toBeNull();
    expect(await wait("soon")).toBeNull();
    expect(await wait(new Date(Date.now() + 90_000).toUTCString())).toBeGreaterThan(80);
  });

  it("of the token is told to whoever keeps the session", async () => {
    const onSignedOut = vi.fn();
    const body = { error: "token_expired", message: "Sign in again.", details: {}, request_id: "r" };
    const { connection } = connectionTo(() => json(body, { status: 401 }), { onSignedOut });
    await expect(createClient(connection).get("/v1/credits")).rejects.toBeInstanceOf(ApiError);
    expect(onSignedOut).toHaveBeenCalledOnce();
  });
});

describe("no answer", () => {
  it("is unreachable when the network fails, and when there is no token to be had", async () => {
    const away = () => Promise.reject(new TypeError("Failed to fetch"));
    const { connection } = connectionTo(away);
    await expect(createClient(connection).get("/v1/credits")).rejects.toMatchObject({
      code: "unreachable",
      status: 0,
    });
    const { connection: locked } = connectionTo(() => json({}), { accessToken: away });
    await expect(createClient(locked).get("/v1/credits")).rejects.toMatchObject({ code: "unreachable" });
  });

  it("is a page where a document should be", async () => {
    const { connection } = connectionTo(() => new Response("<!doctype html>"));
    await expect(createClient(connection).get("/v1/credits")).rejects.toMatchObject({
      code: "unexpected_answer",
      status: 200,
    });
  });

  it("is the caller's own reason when the caller gave up", async () => {
    const { connection } = connectionTo(() => new Promise(() => undefined));
    const over = new AbortController();
    const asking = createClient(connection).get("/v1/credits", { signal: over.signal });
    const reason = new Error("left the page");
    over.abort(reason);
    await expect(asking).rejects.toBe(reason);
  });

  it("also comes from a body that breaks off", async () => {
    const { connection } = connectionTo(({ signal }) => streamOf(['{"balance":'], { signal, isOpen: true }));
    const asking = createClient(connection).get("/v1/credits", { secondsMax: 0.05 });
    await expect(asking).rejects.toMatchObject({
      code: "unreachable",
      message: expect.stringContaining("in time"),
    });
  });

  it("comes in time even when the token does not", async () => {
    const { connection } = connectionTo(() => json({}), { accessToken: () => new Promise(() => undefined) });
    const asking = createClient(connection).get("/v1/credits", { secondsMax: 0.05 });
    await expect(asking).rejects.toMatchObject({ code: "unreachable" });
  });
});
