/** What operators type into the forms of money, checked before it is sent. Pure. */

import type { GrantOrder, RefundOrder } from "@zmarty/client";

export const PACKS = [500, 3_000, 7_000];
const CREDITS_MAX = 1_000_000;
const REASON_MIN = 3;
const UUID = /^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/i;

export interface GrantForm {
  user: string;
  credits: string;
  kind: "bonus" | "purchased";
  /** A day, or "" for never. */
  expires: string;
  reason: string;
  key: string;
}

export interface RefundForm {
  entry: string;
  /** "" for all that is left of it. */
  credits: string;
  reason: string;
  key: string;
}

export type Faults<Form> = Partial<Record<keyof Form, string>>;

/** Names one correction: sent twice, it happens once. */
export function newKey(): string {
  return crypto.randomUUID();
}

function wholeOf(text: string): number | null {
  return /^\d+$/.test(text.trim()) ? Number(text) : null;
}

export function faultsOfGrant(form: GrantForm, now = new Date()): Faults<GrantForm> {
  const credits = wholeOf(form.credits);
  const faults: Faults<GrantForm> = {};
  if (!UUID.test(form.user.trim())) faults.user = "Paste the user’s id, for example from the audit log.";
  if (credits === null || credits < 1 || credits > CREDITS_MAX)
    faults.credits = "A whole number from 1 to 1,000,000.";
  else if (form.kind === "purchased" && !PACKS.includes(credits))
    faults.credits = `Purchased credits come in packs of ${PACKS.join(", ")}.`;
  if (form.expires && new Date(`${form.expires}T23:59:59Z`) <= now) faults.expires = "Choose a day to come.";
  return { ...faults, ...faultsOfBoth(form) };
}

export function faultsOfRefund(form: RefundForm): Faults<RefundForm> {
  const faults: Faults<RefundForm> = {};
  const entry = wholeOf(form.entry);
  const credits = wholeOf(form.credits);
  if (entry === null || entry < 1) faults.entry = "The number of the charge’s entry.";
  if (form.credits.trim() && (credits === null || credits < 1 || credits > CREDITS_MAX))
    faults.credits = "A whole number, or empty for all of it.";
  return { ...faults, ...faultsOfBoth(form) };
}

function faultsOfBoth(form: { reason: string; key: string }): { reason?: string; key?: string } {
  return {
    ...(form.reason.trim().length < REASON_MIN && { reason: "Say why in a few words. The user reads it." }),
    ...(form.key.trim() === "" && { key: "A name for this correction." }),
  };
}

export function grantOrder(form: GrantForm): GrantOrder {
  return {
    user_id: form.user.trim(),
    credits: Number(form.credits),
    kind: form.kind,
    expires_at: form.expires ? `${form.expires}T23:59:59Z` : null,
    reason: form.reason.trim(),
    key: form.key.trim(),
  };
}

export function refundOrder(form: RefundForm): RefundOrder {
  return {
    entry_id: Number(form.entry),
    credits: form.credits.trim() ? Number(form.credits) : null,
    reason: form.reason.trim(),
    key: form.key.trim(),
  };
}
