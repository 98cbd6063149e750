/** Spending limits as a form has them: text, where empty is no limit. Pure. */

import type { LimitsAnswer, LimitsRequest } from "@zmarty/client";

export interface LimitsForm {
  per_request: string;
  per_day: string;
}

export type LimitField = keyof LimitsForm;
export type Faults = Partial<Record<LimitField, string>>;

/** The least that each may be; nothing at all may be a day's limit. */
const LEAST: Record<LimitField, number> = { per_request: 1, per_day: 0 };
const CREDITS_MAX = 1_000_000;

export function formOf({ per_request, per_day }: Pick<LimitsAnswer, LimitField>): LimitsForm {
  return { per_request: per_request?.toString() ?? "", per_day: per_day?.toString() ?? "" };
}

export function faultsOf(form: LimitsForm): Faults {
  const faults: Faults = {};
  for (const field of ["per_request", "per_day"] as const) {
    const text = form[field].trim();
    if (text === "") continue;
    const value = Number(text);
    if (!/^\d+$/.test(text)) faults[field] = "Write a whole number, or leave it empty for no limit.";
    else if (value < LEAST[field]) faults[field] = `At least ${LEAST[field]}, or empty for no limit.`;
    else if (value > CREDITS_MAX) faults[field] = "This is more than a limit may be.";
  }
  return faults;
}

export function requestOf(form: LimitsForm): LimitsRequest {
  const value = (text: string) => (text.trim() === "" ? null : Number(text));
  return { per_request: value(form.per_request), per_day: value(form.per_day) };
}
