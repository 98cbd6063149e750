/** What the stream of an answer and the stored messages mean for the page. Pure. */

import type { Message } from "@zmarty/client";
import type { UIMessage } from "ai";
import { z } from "zod";
import type { ShownSignal } from "~/components/signal";
import { lookupText } from "./lookups";
import { modelName } from "./models";

/** Frames are checked here, as they stand in no schema of the API's documents. What does not fit is left out, never thrown. */
const signalFrame = z.object({
  id: z.string(),
  symbol: z.string(),
  timeframe: z.enum(["1m", "5m", "15m", "30m", "1h", "4h", "1d", "1w"]),
  opened_at: z.string(),
  direction: z.enum(["long", "short", "flat"]),
  strength: z.number(),
  confidence: z.number().nullable(),
  entry_price: z.number(),
  targets: z.array(z.number()),
  stop_price: z.number().nullable(),
  verdict: z.string(),
  expires_at: z.string(),
});
const signalsFrame = z.object({ signals: z.array(z.unknown()) });
const restartFrame = z.object({
  discarded: z.string().nullable(),
  failure: z.string(),
  provider: z.string(),
  model: z.string(),
});
const creditsFrame = z.object({ charged: z.number(), balance: z.number().optional() });
const audioFrame = z.object({ audioUrl: z.string().nullish(), refusal: z.string().optional() });
const metadataFrame = z.object({
  model: z.string().nullish(),
  provider: z.string().nullish(),
  usage: z.object({ input_tokens: z.number(), output_tokens: z.number() }).optional(),
  credits: z.number().nullish(),
  cached: z.boolean().optional(),
  finish_reason: z.string().nullish(),
  rating: z.enum(["up", "down"]).nullish(),
});

export type ChatMessage = UIMessage<Record<string, unknown>>;
export type Rating = "up" | "down";

/** What a provider's own id of a text part is kept under: `data-restart` names it. */
export const TEXT_ID = "zmarty";

export type Block =
  | { kind: "text"; key: string; text: string; isStreaming: boolean }
  | { kind: "lookup"; key: string; text: string; state: "running" | "done" | "failed" }
  | { kind: "restart"; key: string; text: string };

export interface Bill {
  charged: number;
  model: string | null;
  provider: string | null;
  tokens: { input: number; output: number } | null;
}

export interface AnswerView {
  blocks: Block[];
  /** Everything that was said and holds. */
  text: string;
  signals: ShownSignal[];
  /** Null until the answer has ended. */
  bill: Bill | null;
  audioUrl: string | null;
  /** Why there is no audio although it was asked for. */
  voiceRefusal: string | null;
  isCached: boolean;
  isStopped: boolean;
  /** Written without a model: the facts themselves. */
  isDataBrief: boolean;
  /** The answer came to its longest allowed length. */
  isCut: boolean;
  isRefused: boolean;
  rating: Rating | null;
}

const DATA_BRIEF = "data-brief";

export function signalsIn(list: readonly unknown[]): ShownSignal[] {
  return list.flatMap(each => {
    const read = signalFrame.safeParse(each);
    return read.success ? [read.data] : [];
  });
}

export function answerView(message: ChatMessage): AnswerView {
  const metadata = metadataFrame.safeParse(message.metadata ?? {}).data ?? {};
  const view: AnswerView = {
    blocks: [],
    text: "",
    signals: [],
    bill: null,
    audioUrl: null,
    voiceRefusal: null,
    isCached: metadata.cached ?? false,
    isStopped: metadata.finish_reason === "stopped",
    isDataBrief: metadata.model === DATA_BRIEF,
    isCut: metadata.finish_reason === "length",
    isRefused: metadata.finish_reason === "content-filter" || metadata.finish_reason === "content_filter",
    rating: metadata.rating ?? null,
  };
  let charged: number | null = metadata.credits ?? null;
  const ids = new Map<string, string>();

  message.parts.forEach((part, order) => {
    const key = `${part.type}-${order}`;
    if (part.type === "text") {
      const id = part.providerMetadata?.[TEXT_ID]?.id;
      if (typeof id === "string") ids.set(id, key);
      view.blocks.push({ kind: "text", key, text: part.text, isStreaming: part.state === "streaming" });
    } else if (part.type === "data-signals") {
      view.signals = signalsIn(signalsFrame.safeParse(part.data).data?.signals ?? []);
    } else if (part.type === "data-restart") {
      const restart = restartFrame.safeParse(part.data).data;
      if (!restart) return;
      const discarded = restart.discarded === null ? undefined : ids.get(restart.discarded);
      view.blocks = view.blocks.filter(block => block.key !== discarded);
      view.blocks.push({ kind: "restart", key, text: restartText(restart) });
    } else if (part.type === "data-credits") {
      charged = creditsFrame.safeParse(part.data).data?.charged ?? charged;
    } else if (part.type === "data-audio") {
      const audio = audioFrame.safeParse(part.data).data;
      view.audioUrl = audio?.audioUrl ?? null;
      view.voiceRefusal = audio?.refusal ?? null;
    } else if (part.type === "data-cached") {
      view.isCached = true;
    } else if (part.type.startsWith("tool-") && "toolCallId" in part) {
      view.blocks.push({
        kind: "lookup",
        key,
        text: lookupText(part.type.slice("tool-".length), part.input, part.state === "output-available"),
        state:
          part.state === "output-available" ? "done" : part.state === "output-error" ? "failed" : "running",
      });
    }
  });

  view.text = view.blocks
    .flatMap(block => (block.kind === "text" && block.text.trim() ? [block.text.trim()] : []))
    .join("\n\n");
  if (charged !== null) {
    view.bill = {
      charged,
      model: metadata.model ?? null,
      provider: metadata.provider ?? null,
      tokens: metadata.usage
        ? { input: metadata.usage.input_tokens, output: metadata.usage.output_tokens }
        : null,
    };
    // Stopped before it had said anything: nothing else ends with a bill and without a word.
    if (charged === 0 && !view.text) view.isStopped = true;
  }
  return view;
}

function restartText({ provider, failure }: z.infer<typeof restartFrame>): string {
  if (failure === "content_refused") return "The model declined to go on; what it had said is taken back.";
  const who = provider ? modelName(provider) : "The model";
  return `${who} broke off; another model begins anew. You pay only for the answer you get.`;
}

/** Whether the stream of an answer came to its end: a cut one looks as if it had. */
export function hasEnded(message: ChatMessage | undefined): boolean {
  return message?.role === "assistant" && message.parts.some(part => part.type === "data-credits");
}

export function textOf(message: ChatMessage): string {
  return message.parts.flatMap(part => (part.type === "text" ? [part.text] : [])).join("\n");
}

/** A stored message as the stream would have brought it. */
export function fromStored(message: Message): ChatMessage {
  if (message.role === "user") {
    return { id: message.id, role: "user", parts: [{ type: "text", text: message.content }] };
  }
  return {
    id: message.id,
    role: "assistant",
    metadata: {
      model: message.model,
      provider: message.provider,
      credits: message.credits,
      finish_reason: message.finish_reason,
      cached: message.cached,
      rating: message.rating,
      ...(message.input_tokens !== null &&
        message.output_tokens !== null && {
          usage: { input_tokens: message.input_tokens, output_tokens: message.output_tokens },
        }),
    },
    parts: [
      { type: "data-signals", id: "signals", data: { signals: message.signals } },
      { type: "text", text: message.content, state: "done" },
      { type: "data-credits", id: "credits", data: { charged: message.credits ?? 0 } },
      { type: "data-audio", id: "audio", data: { audioUrl: message.audio_url } },
    ],
  };
}

/** The messages that hold, oldest first; `stored` comes as the API tells it, newest first. */
export function conversationFrom(stored: readonly Message[]): ChatMessage[] {
  return stored
    .filter(message => message.superseded_at === null)
    .map(fromStored)
    .reverse();
}
