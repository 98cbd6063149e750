/** What is stored and what was asked, brought together after a reload or a lost connection. Pure. */

import type { Asked } from "./asked";
import type { ChatMessage } from "./messages";

export interface Reconciled {
  messages: ChatMessage[];
  /** Whether what was asked is answered: nothing has to be waited for. */
  isAnswered: boolean;
}

export function lastAnswer(messages: readonly ChatMessage[]): ChatMessage | undefined {
  return messages.filter(message => message.role === "assistant").at(-1);
}

/** A question is stored with its answer: until then only this tab knows it. */
export function reconcile(stored: ChatMessage[], asked: Asked | null): Reconciled {
  if (asked === null) return { messages: stored, isAnswered: true };
  const last = lastAnswer(stored);
  if ((last?.id ?? null) !== asked.after && last !== undefined) return { messages: stored, isAnswered: true };
  if (asked.kind === "regenerate") {
    return { messages: stored.filter(message => message.id !== asked.after), isAnswered: false };
  }
  const question: ChatMessage = {
    id: `asked-${asked.key}`,
    role: "user",
    parts: [{ type: "text", text: asked.text }],
  };
  return { messages: [...stored, question], isAnswered: false };
}
