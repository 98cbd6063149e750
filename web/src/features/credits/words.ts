/** What happened to credits, in words. Pure. */

import type { EntryAnswer, GrantAnswer } from "@zmarty/client";

export const KINDS = {
  charge: "Spent",
  grant: "Received",
  refund: "Given back",
  expire: "Ended",
} as const satisfies Record<EntryAnswer["kind"], string>;

export const GRANT_KINDS = {
  monthly: "Monthly",
  bonus: "Bonus",
  purchased: "Bought",
} as const satisfies Record<GrantAnswer["kind"], string>;

/** What charges give as their reason; everything else was written by a person, or names a job. */
const REASONS: Record<string, string> = {
  chat: "Answer in the chat",
  mcp: "Lookup by an agent",
};

export function whatOf({ kind, reason }: Pick<EntryAnswer, "kind" | "reason">): string {
  if (kind !== "charge") return reason;
  return REASONS[reason] ?? sentence(reason);
}

function sentence(name: string): string {
  const words = name.replaceAll("_", " ").trim();
  return words.charAt(0).toUpperCase() + words.slice(1);
}
