import {
  ApiError,
  addressOf,
  type Connection,
  isRecord,
  send,
  UNEXPECTED,
  UNREACHABLE,
  unreachable,
} from "./http.ts";
import type { ChatRequest } from "./schema";
import { watchSilence } from "./silence.ts";
import { readEvents } from "./sse.ts";

/** The API sends a sign of life every 12 seconds while a model thinks. */
const SILENT_SECONDS_MAX = 40;

export interface Question {
  message: string;
  /** `BTC/USDT`: what the question is about, when it does not say so itself. */
  symbol?: string;
  /** `auto`, `ensemble`, a family or a model: `GET /v1/models` lists them. */
  model?: NonNullable<ChatRequest["model"]>;
  /** The most credits that the answer may cost. */
  priceCap?: number;
  /** Also speak the answer. */
  voice?: boolean;
  /** The conversation to go on with; a new one unless said. */
  conversationId?: string;
  /** Answer the conversation's last question anew. */
  isAnew?: boolean;
  /** Names this question: sent again with the same key it is answered and charged once. A new one unless said. */
  idempotencyKey?: string;
}

/** A signal that the answer could use. */
export interface ChatSignal {
  id: string;
  symbol: string;
  timeframe: string;
  opened_at: string;
  origin: string;
  direction: "long" | "short" | "flat";
  score: number;
  strength: number;
  confidence: number | null;
  entry_price: number;
  targets: number[];
  stop_price: number | null;
  verdict: string;
  expires_at: string;
}

export interface ChatUsage {
  inputTokens: number;
  outputTokens: number;
}

/** The answer is over: whole, or as far as it had come when it was stopped. It is stored and paid. */
export interface ChatDone {
  type: "done";
  text: string;
  /** `stop`, `length`, `tool-calls`…; `stopped` when it was stopped. */
  finishReason: string;
  isStopped: boolean;
  /** What it cost, and what is left; the balance is null when nothing was charged. */
  credits: number;
  balance: number | null;
  model: string | null;
  /** Null for a data brief. */
  provider: string | null;
  usage: ChatUsage | null;
  /** Opens for an hour without a token; `client.audio` reads it. */
  audioUrl: string | null;
  /** Why there is no audio although it was asked for: `code: reason`. */
  voiceRefusal: string | null;
  /** Given before, to the same question on the same facts. */
  isCached: boolean;
  conversationId: string | null;
  messageId: string | null;
}

export type ChatEvent =
  | { type: "opened"; conversationId: string; messageId: string }
  | { type: "signals"; signals: ChatSignal[] }
  /** `delta` is new; `text` is the answer so far. */
  | { type: "text"; delta: string; text: string }
  /** A model failed and another one begins anew. `text` is what of the answer still counts. */
  | { type: "restart"; text: string; provider: string; model: string; failure: string }
  | { type: "tool"; callId: string; name: string; input: unknown }
  | { type: "tool-result"; callId: string; output: string; isRefused: boolean }
  | ChatDone;

/** Ask a question; what is told of the answer, as it is told. Throws ApiError for a refusal, before the answer or in it. */
export async function* ask(
  connection: Connection,
  question: Question,
  { signal }: { signal?: AbortSignal } = {},
): AsyncGenerator<ChatEvent, void> {
  const line = watchSilence(SILENT_SECONDS_MAX, signal);
  try {
    const response = await send(connection, "post", "/chat", {
      signal: line.signal,
      headers: {
        accept: "text/event-stream",
        "idempotency-key": question.idempotencyKey ?? crypto.randomUUID(),
      },
      body: bodyOf(question),
    });
    yield* answer(response, line.signal, line.heard);
  } finally {
    line.end();
  }
}

/** Follow an answer that is being written, from its beginning. Ends at once when there is none. */
export async function* resume(
  connection: Connection,
  conversationId: string,
  { signal }: { signal?: AbortSignal } = {},
): AsyncGenerator<ChatEvent, void> {
  const line = watchSilence(SILENT_SECONDS_MAX, signal);
  try {
    const address = addressOf("/v1/chat/{id}/stream", { path: { id: conversationId } });
    const response = await send(connection, "get", address, {
      signal: line.signal,
      headers: { accept: "text/event-stream" },
    });
    if (response.status !== 204) yield* answer(response, line.signal, line.heard);
  } finally {
    line.end();
  }
}

export function bodyOf(question: Question): Partial<ChatRequest> {
  const { message, symbol, model, priceCap, voice, conversationId, isAnew } = question;
  return {
    message,
    stream: true,
    ...(symbol === undefined ? {} : { symbol }),
    ...(model === undefined ? {} : { model }),
    ...(priceCap === undefined ? {} : { price_cap: priceCap }),
    ...(voice === undefined ? {} : { voice }),
    ...(conversationId === undefined ? {} : { conversation_id: conversationId }),
    ...(isAnew ? { regenerate: true } : {}),
  };
}

async function* answer(
  response: Response,
  signal: AbortSignal,
  onHeard: () => void,
): AsyncGenerator<ChatEvent, void> {
  const reader = new AnswerReader(response.status);
  try {
    for await (const { data } of readEvents(response, { onHeard })) {
      if (data === "[DONE]") break;
      const event = reader.read(frameOf(data, response.status));
      if (event) yield event;
    }
  } catch (error) {
    throw unreachable(error, signal);
  }
  // A stream that ends without saying so was cut; the answer goes on without us.
  if (!reader.hasEnded) {
    throw new ApiError(
      UNREACHABLE,
      "The line broke before the answer was whole. It is being written on; open the conversation again.",
      0,
      { conversation_id: reader.conversationId },
    );
  }
}

type Frame = Record<string, unknown>;

function frameOf(data: string, status: number): Frame {
  try {
    const frame: unknown = JSON.parse(data);
    if (isRecord(frame)) return frame;
  } catch {
    // Said below.
  }
  throw new ApiError(UNEXPECTED, "The server answered something else than Zmarty does.", status);
}

/** Turns the frames of the UI message stream, version 1, into events. What it does not know it leaves out. */
export class AnswerReader {
  hasEnded = false;
  conversationId: string | null = null;
  readonly #status: number;
  #messageId: string | null = null;
  /** The parts of the text that still count, in order. */
  readonly #parts = new Map<string, string>();
  #usage: Frame = {};
  #credits: Frame = {};
  #audio: Frame = {};
  #isCached = false;
  #metadata: Frame = {};

  constructor(status = 200) {
    this.#status = status;
  }

  get text(): string {
    return [...this.#parts.values()].join("");
  }

  /** Raises ApiError for the frame that says why there is no answer. */
  read(frame: Frame): ChatEvent | null {
    const data = recordOf(frame.data);
    switch (frame.type) {
      case "start":
        this.#told(frame.messageMetadata);
        this.#messageId = textOf(frame.messageId);
        return this.conversationId && this.#messageId
          ? { type: "opened", conversationId: this.conversationId, messageId: this.#messageId }
          : null;
      case "data-signals":
        return { type: "signals", signals: Array.isArray(data.signals) ? data.signals : [] };
      case "text-delta": {
        const part = String(frame.id);
        const delta = textOf(frame.delta) ?? "";
        this.#parts.set(part, (this.#parts.get(part) ?? "") + delta);
        return { type: "text", delta, text: this.text };
      }
      case "data-restart":
        this.#parts.delete(String(data.discarded));
        return {
          type: "restart",
          text: this.text,
          provider: textOf(data.provider) ?? "",
          model: textOf(data.model) ?? "",
          failure: textOf(data.failure) ?? "",
        };
      case "tool-input-available":
        return {
          type: "tool",
          callId: String(frame.toolCallId),
          name: String(frame.toolName),
          input: frame.input,
        };
      case "tool-output-available":
      case "tool-output-error": {
        const isRefused = frame.type === "tool-output-error";
        const output = textOf(isRefused ? frame.errorText : frame.output) ?? "";
        return { type: "tool-result", callId: String(frame.toolCallId), output, isRefused };
      }
      case "data-usage":
        this.#usage = data;
        return null;
      case "data-credits":
        this.#credits = data;
        return null;
      case "data-audio":
        this.#audio = data;
        return null;
      case "data-cached":
        this.#isCached = data.cached === true;
        return null;
      case "message-metadata":
        this.#told(frame.messageMetadata);
        return null;
      case "finish":
        this.#told(frame.messageMetadata);
        return this.#done(textOf(frame.finishReason) ?? "stop");
      case "abort":
        return this.#done("stopped");
      case "error":
        this.hasEnded = true;
        throw failureOf(textOf(frame.errorText) ?? "", this.#status, this.conversationId);
      default:
        return null;
    }
  }

  #told(metadata: unknown): void {
    this.#metadata = { ...this.#metadata, ...recordOf(metadata) };
    this.conversationId = textOf(this.#metadata.conversation_id);
  }

  #done(finishReason: string): ChatDone {
    this.hasEnded = true;
    const usage = recordOf(this.#metadata.usage ?? this.#usage);
    return {
      type: "done",
      text: this.text,
      finishReason,
      isStopped: finishReason === "stopped",
      credits: numberOf(this.#metadata.credits) ?? numberOf(this.#credits.charged) ?? 0,
      balance: numberOf(this.#metadata.balance) ?? numberOf(this.#credits.balance),
      model: textOf(this.#metadata.model) ?? textOf(this.#usage.model),
      provider: textOf(this.#metadata.provider) ?? textOf(this.#usage.provider),
      usage:
        typeof usage.input_tokens === "number"
          ? { inputTokens: usage.input_tokens, outputTokens: numberOf(usage.output_tokens) ?? 0 }
          : null,
      audioUrl: textOf(this.#audio.audioUrl),
      voiceRefusal: textOf(this.#audio.refusal),
      isCached: this.#isCached,
      conversationId: this.conversationId,
      messageId: this.#messageId,
    };
  }
}

/** `code: message`, as the last frame of an answer that failed has it. */
function failureOf(text: string, status: number, conversationId: string | null): ApiError {
  const [, code, message] = /^([a-z0-9_]+): (.*)$/s.exec(text) ?? [null, UNEXPECTED, text];
  return new ApiError(code ?? UNEXPECTED, message || "The answer failed.", status, {
    conversation_id: conversationId,
  });
}

function recordOf(value: unknown): Frame {
  return isRecord(value) ? value : {};
}

function textOf(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}

function numberOf(value: unknown): number | null {
  return typeof value === "number" ? value : null;
}
