/** The question under way in each conversation, kept over a reload of the tab until its answer has ended. */

import type { ChatRequest } from "@zmarty/client";
import { z } from "zod";

/** The body is kept as it was sent: the same key with another body is refused. */
const askedShape = z.object({
  key: z.string(),
  kind: z.enum(["submit", "regenerate"]),
  text: z.string(),
  body: z.record(z.string(), z.unknown()),
  /** The last answer that there was when it was asked. */
  after: z.string().nullable(),
});

export interface Asked extends Omit<z.infer<typeof askedShape>, "body"> {
  body: ChatRequest;
}

export interface AskOptions {
  model: string;
  priceCap: number | null;
  hasVoice: boolean;
}

export function askedAnew(
  kind: Asked["kind"],
  {
    conversation,
    text,
    symbol,
    after,
    options,
  }: {
    conversation: string;
    text: string;
    symbol: string | null;
    after: string | null;
    options: AskOptions;
  },
): Asked {
  return {
    key: crypto.randomUUID(),
    kind,
    text,
    after,
    body: {
      conversation_id: conversation,
      model: options.model,
      voice: options.hasVoice,
      ...(options.priceCap !== null && { price_cap: options.priceCap }),
      ...(symbol !== null && { symbol }),
      ...(kind === "regenerate"
        ? { trigger: "regenerate-message" as const }
        : { message: text, trigger: "submit-message" as const }),
    },
  };
}

const PREFIX = "zmarty-asked:";

export function keepAsked(conversation: string, asked: Asked): void {
  sessionStorage.setItem(PREFIX + conversation, JSON.stringify(asked));
}

export function forgetAsked(conversation: string): void {
  sessionStorage.removeItem(PREFIX + conversation);
}

export function askedIn(conversation: string): Asked | null {
  const kept = sessionStorage.getItem(PREFIX + conversation);
  if (kept === null) return null;
  try {
    const read = askedShape.safeParse(JSON.parse(kept));
    return read.success ? read.data : null;
  } catch {
    return null;
  }
}
