import type { Message } from "@zmarty/client";
import type { UIMessageChunk } from "ai";
import { readUIMessageStream } from "ai";
import { describe, expect, it } from "vitest";
import { answerView, type ChatMessage, conversationFrom, hasEnded } from "./messages";
import { annotated } from "./transport";

const SIGNAL = {
  id: "s1",
  symbol: "BTC/USDT",
  timeframe: "1h",
  opened_at: "2026-11-27T01:00:00+00:00",
  origin: "live",
  direction: "long",
  score: 0.4,
  strength: 40,
  confidence: 0.5,
  entry_price: 100,
  targets: [110],
  stop_price: 95,
  verdict: "act",
  expires_at: "2026-11-28T02:00:00+00:00",
};

/** The message that the AI SDK makes of our API's frames. */
async function told(frames: UIMessageChunk[]): Promise<ChatMessage> {
  const stream = new ReadableStream<UIMessageChunk>({
    start(controller) {
      for (const frame of frames.flatMap(annotated)) controller.enqueue(frame);
      controller.close();
    },
  });
  let last: ChatMessage | undefined;
  for await (const message of readUIMessageStream<ChatMessage>({ stream })) last = message;
  if (!last) throw new Error("nothing was told");
  return last;
}

const START: UIMessageChunk[] = [
  { type: "start", messageId: "m1", messageMetadata: { conversation_id: "c1" } },
  { type: "start-step" },
  { type: "data-signals", id: "signals", data: { signals: [SIGNAL, { id: "broken" }] } },
];
const say = (id: string, delta: string): UIMessageChunk[] => [
  { type: "text-start", id },
  { type: "text-delta", id, delta },
  { type: "text-end", id },
];
const credits = (charged: number): UIMessageChunk => ({
  type: "data-credits",
  id: "credits",
  data: { charged, balance: 90 },
});
const finish = (model: string): UIMessageChunk => ({
  type: "finish",
  finishReason: "stop",
  messageMetadata: { model, provider: "xai", credits: 4, usage: { input_tokens: 900, output_tokens: 300 } },
});

describe("an answer", () => {
  it("tells its text, its signals and its bill", async () => {
    const view = answerView(
      await told([...START, ...say("text-1", "Hello"), credits(4), finish("grok-4.7")]),
    );
    expect(view.text).toBe("Hello");
    expect(view.signals.map(signal => signal.id)).toEqual(["s1"]);
    expect(view.bill).toEqual({
      charged: 4,
      model: "grok-4.7",
      provider: "xai",
      tokens: { input: 900, output: 300 },
    });
    expect(view.isStopped).toBe(false);
  });

  it("takes back what a provider had said that broke off, and keeps what was said before it", async () => {
    const view = answerView(
      await told([
        ...START,
        ...say("text-1", "Before the lookup."),
        {
          type: "tool-input-available",
          toolCallId: "c",
          toolName: "get_win_rate",
          input: { symbol: "ETH/USDT", timeframe: "1h" },
        },
        { type: "tool-output-available", toolCallId: "c", output: "lines" },
        { type: "finish-step" },
        { type: "start-step" },
        ...say("text-2", "Half of"),
        {
          type: "data-restart",
          id: "restart-2",
          data: { discarded: "text-2", failure: "cut", provider: "xai", model: "grok-4.7" },
        },
        ...say("text-3", "The whole."),
        credits(9),
        finish("gpt-6.1-sol"),
      ]),
    );
    expect(view.text).toBe("Before the lookup.\n\nThe whole.");
    expect(view.blocks.map(block => block.kind)).toEqual(["text", "lookup", "restart", "text"]);
    expect(view.blocks[1]).toMatchObject({ text: "Looked up the win rate of ETH/USDT 1h", state: "done" });
    expect(view.blocks[2]).toMatchObject({ text: expect.stringContaining("xAI broke off") });
  });

  it("that was stopped keeps what was said; one that said nothing is told as stopped", async () => {
    const some = answerView(
      await told([
        ...START,
        ...say("text-1", "Half"),
        credits(3),
        { type: "message-metadata", messageMetadata: { model: "grok-4.7", credits: 3 } },
        { type: "abort" },
      ]),
    );
    expect([some.isStopped, some.text, some.bill?.charged]).toEqual([true, "Half", 3]);
    const none = answerView(await told([...START, credits(0), { type: "abort" }]));
    expect([none.isStopped, none.text, none.bill?.charged]).toEqual([true, "", 0]);
  });

  it("says what it is when it is no model's, given before, or without the voice that was asked for", async () => {
    const brief = answerView(
      await told([...START, ...say("text-1", "Facts"), credits(1), finish("data-brief")]),
    );
    expect(brief.isDataBrief).toBe(true);
    const cached = answerView(
      await told([
        ...START,
        ...say("text-1", "Again"),
        credits(1),
        { type: "data-cached", id: "cached", data: { cached: true } },
        {
          type: "data-audio",
          id: "audio",
          data: { audioUrl: null, refusal: "forbidden: the plan has no voice" },
        },
        finish("grok-4.7"),
      ]),
    );
    expect([cached.isCached, cached.audioUrl, cached.voiceRefusal]).toEqual([
      true,
      null,
      "forbidden: the plan has no voice",
    ]);
  });

  it("has ended only with its bill: a stream that was cut has none", async () => {
    expect(hasEnded(await told([...START, ...say("text-1", "Hal")]))).toBe(false);
    expect(hasEnded(await told([...START, ...say("text-1", "Hal"), credits(1)]))).toBe(true);
  });
});

it("stored messages are as the stream would have brought them, without those that were replaced", () => {
  const base: Message = {
    id: "1",
    role: "user",
    content: "Why?",
    provider: null,
    model: null,
    credits: null,
    input_tokens: null,
    output_tokens: null,
    finish_reason: null,
    signals: [],
    cached: false,
    audio_url: null,
    rating: null,
    rating_comment: null,
    created_at: "2026-11-27T01:00:00Z",
    superseded_at: null,
  };
  const answer: Message = {
    ...base,
    id: "3",
    role: "assistant",
    content: "Because.",
    provider: "xai",
    model: "grok-4.7",
    credits: 4,
    input_tokens: 900,
    output_tokens: 300,
    finish_reason: "stopped",
    signals: [SIGNAL],
    rating: "up",
  };
  const messages = conversationFrom([
    answer,
    { ...answer, id: "2", superseded_at: "2026-11-27T01:01:00Z" },
    base,
  ]);
  expect(messages.map(message => message.id)).toEqual(["1", "3"]);
  const view = answerView(messages[1] as ChatMessage);
  expect(view).toMatchObject({ text: "Because.", isStopped: true, rating: "up" });
  expect(view.bill).toMatchObject({ charged: 4, model: "grok-4.7" });
  expect(view.signals).toHaveLength(1);
});
