import { afterEach, describe, expect, it, vi } from "vitest";
import type { ChatEvent } from "./chat.ts";
import { all, connectionTo, frames, json, streamOf } from "./fake.ts";
import { createClient } from "./index.ts";

afterEach(() => vi.useRealTimers());

const CONVERSATION = "af4f49a3-227d-4577-9006-537ac59c40bf";
const START = { type: "start", messageId: "m1", messageMetadata: { conversation_id: CONVERSATION } };
const METADATA = {
  conversation_id: CONVERSATION,
  model: "grok-4.7",
  provider: "xai",
  usage: { input_tokens: 1509, output_tokens: 371 },
  credits: 4,
  balance: 88,
};
const FINISH = { type: "finish", finishReason: "stop", messageMetadata: METADATA };

function answered(...told: (object | string)[]) {
  const { connection, asked } = connectionTo(({ signal }) => streamOf([frames(...told)], { signal }));
  return { client: createClient(connection), asked };
}

function text(delta: string, part = "text-1") {
  return { type: "text-delta", id: part, delta };
}

async function lastOf(events: AsyncIterable<ChatEvent>): Promise<ChatEvent | undefined> {
  return (await all(events)).at(-1);
}

describe("asking", () => {
  it("sends what the API takes, with a key of its own", async () => {
    const { client, asked } = answered(START, FINISH, "[DONE]");
    const question = {
      message: "BTC?",
      symbol: "BTC/USDT",
      model: "grok",
      priceCap: 9,
      voice: true,
      conversationId: CONVERSATION,
    };
    await all(client.ask(question));
    await all(client.ask({ message: "ETH?", idempotencyKey: "mine" }));
    expect(asked[0]).toMatchObject({ method: "POST", url: "https://api.test/chat" });
    expect(asked[0]?.body).toEqual({
      message: "BTC?",
      stream: true,
      symbol: "BTC/USDT",
      model: "grok",
      price_cap: 9,
      voice: true,
      conversation_id: CONVERSATION,
    });
    expect(asked[0]?.headers.get("idempotency-key")).toMatch(/^[0-9a-f-]{36}$/);
    expect(asked[1]?.headers.get("idempotency-key")).toBe("mine");
  });

  it("tells signals, text and what it cost", async () => {
    const { client } = answered(
      START,
      { type: "start-step" },
      { type: "data-signals", id: "signals", data: { signals: [{ symbol: "BTC/USDT" }] } },
      { type: "text-start", id: "text-1" },
      text("It "),
      text("looks up."),
      { type: "text-end", id: "text-1" },
      { type: "data-credits", id: "credits", data: { charged: 4, balance: 88 } },
      { type: "data-audio", id: "audio", data: { audioUrl: "/v1/voice/x?expires=1&signature=ab" } },
      { type: "data-cached", id: "cached", data: { cached: true } },
      { type: "of-tomorrow", data: 1 },
      { type: "finish-step" },
      FINISH,
      "[DONE]",
    );
    expect(await all(client.ask({ message: "BTC?" }))).toEqual([
      { type: "opened", conversationId: CONVERSATION, messageId: "m1" },
      { type: "signals", signals: [{ symbol: "BTC/USDT" }] },
      { type: "text", delta: "It ", text: "It " },
      { type: "text", delta: "looks up.", text: "It looks up." },
      {
        type: "done",
        text: "It looks up.",
        finishReason: "stop",
        isStopped: false,
        credits: 4,
        balance: 88,
        model: "grok-4.7",
        provider: "xai",
        usage: { inputTokens: 1509, outputTokens: 371 },
        audioUrl: "/v1/voice/x?expires=1&signature=ab",
        voiceRefusal: null,
        isCached: true,
        conversationId: CONVERSATION,
        messageId: "m1",
      },
    ]);
  });

  it("takes back what a model that failed had said, and keeps what was said before a tool", async () => {
    const { client } = answered(
      START,
      text("Let me look. "),
      { type: "tool-input-available", toolCallId: "c1", toolName: "get_risk", input: { symbol: "BTC/USDT" } },
      { type: "tool-output-available", toolCallId: "c1", output: "0.4" },
      text("The ri", "text-2"),
      {
        type: "data-restart",
        id: "restart-2",
        data: { discarded: "text-2", failure: "timeout", provider: "openai", model: "gpt" },
      },
      text("It is low.", "text-3"),
      FINISH,
      "[DONE]",
    );
    const events = await all(client.ask({ message: "Risk?" }));
    expect(events.slice(2, 4)).toEqual([
      { type: "tool", callId: "c1", name: "get_risk", input: { symbol: "BTC/USDT" } },
      { type: "tool-result", callId: "c1", output: "0.4", isRefused: false },
    ]);
    expect(events.find(event => event.type === "restart")).toMatchObject({
      text: "Let me look. ",
      model: "gpt",
    });
    expect(events.at(-1)).toMatchObject({ type: "done", text: "Let me look. It is low." });
  });

  it("throws the API's refusal before the answer, and in it", async () => {
    const body = { error: "credits_exhausted", message: "Top up.", details: { needed: 9 }, request_id: "r" };
    const { connection } = connectionTo(() => json(body, { status: 402 }));
    await expect(all(createClient(connection).ask({ message: "?" }))).rejects.toMatchObject({
      code: "credits_exhausted",
      status: 402,
      details: { needed: 9 },
    });
    const { client } = answered(
      START,
      text("Half"),
      { type: "error", errorText: "models_unavailable: No model answered: try again." },
      "[DONE]",
    );
    await expect(all(client.ask({ message: "?" }))).rejects.toMatchObject({
      code: "models_unavailable",
      message: "No model answered: try again.",
      details: { conversation_id: CONVERSATION },
    });
  });

  it("ends well when the user stopped it, in the middle or before it began", async () => {
    const half = answered(
      START,
      text("Half"),
      { type: "message-metadata", messageMetadata: { ...METADATA, credits: 2 } },
      { type: "abort" },
      "[DONE]",
    );
    expect(await lastOf(half.client.ask({ message: "?" }))).toMatchObject({
      type: "done",
      text: "Half",
      isStopped: true,
      credits: 2,
    });
    const none = answered(
      START,
      { type: "data-credits", id: "credits", data: { charged: 0 } },
      { type: "abort" },
      "[DONE]",
    );
    expect(await lastOf(none.client.ask({ message: "?" }))).toMatchObject({
      isStopped: true,
      credits: 0,
      balance: null,
      model: null,
    });
  });

  it("does not take a cut for an end", async () => {
    const { client } = answered(START, text("Half"));
    await expect(all(client.ask({ message: "?" }))).rejects.toMatchObject({
      code: "unreachable",
      details: { conversation_id: CONVERSATION },
    });
  });

  it("does not take a page for an answer", async () => {
    const { client } = answered("<html>");
    await expect(all(client.ask({ message: "?" }))).rejects.toMatchObject({ code: "unexpected_answer" });
  });

  it("gives up a silent line, and stops with the caller's reason", async () => {
    vi.useFakeTimers();
    const { connection } = connectionTo(({ signal }) => streamOf([frames(START)], { signal, isOpen: true }));
    const client = createClient(connection);
    const silent = expect(all(client.ask({ message: "?" }))).rejects.toMatchObject({ code: "unreachable" });
    await vi.advanceTimersByTimeAsync(41_000);
    await silent;
    const over = new AbortController();
    const left = expect(all(client.ask({ message: "?" }, { signal: over.signal }))).rejects.toThrow("left");
    await vi.advanceTimersByTimeAsync(5);
    over.abort(new Error("left"));
    await left;
  });
});

describe("an answer under way", () => {
  it("is followed from its beginning, and nothing is told when there is none", async () => {
    const { client, asked } = answered(START, text("All"), FINISH, "[DONE]");
    expect(await lastOf(client.resume(CONVERSATION))).toMatchObject({ type: "done", text: "All" });
    expect(asked[0]).toMatchObject({ method: "GET", url: `https://api.test/v1/chat/${CONVERSATION}/stream` });
    const { connection } = connectionTo(() => new Response(null, { status: 204 }));
    expect(await all(createClient(connection).resume(CONVERSATION))).toEqual([]);
  });

  it("is stopped", async () => {
    const { connection, asked } = connectionTo(() => new Response(null, { status: 204 }));
    await createClient(connection).stop(CONVERSATION);
    expect(asked[0]).toMatchObject({
      method: "DELETE",
      url: `https://api.test/v1/chat/${CONVERSATION}/stream`,
    });
  });
});

describe("audio", () => {
  const LINK = "/v1/voice/44803f8d-c84f-4a85-b3fb-e142075d6956?expires=1&signature=ab";

  it("is read with the owner's token, and has an address for players", async () => {
    const { connection, asked } = connectionTo(() => new Response("mp3"));
    const client = createClient(connection);
    expect(await (await client.audio(LINK)).text()).toBe("mp3");
    expect(asked[0]?.url).toBe("https://api.test/v1/voice/44803f8d-c84f-4a85-b3fb-e142075d6956");
    expect(client.audioAddress(LINK)).toBe(`https://api.test${LINK}`);
  });

  it.each(["https://elsewhere.test/v1/voice/x", "//elsewhere.test/a", "/v1/admin/audit"])(
    "never sends a token to %s",
    async link => {
      const { connection, asked } = connectionTo(() => new Response("mp3"));
      await expect(createClient(connection).audio(link)).rejects.toMatchObject({ code: "field_invalid" });
      expect(() => createClient(connection).audioAddress(link)).toThrow();
      expect(asked).toEqual([]);
    },
  );
});
