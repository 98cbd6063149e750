/** The profile as a form has it: text in every field. Pure. */

import { ApiError, type Profile, type ProfileRequest } from "@zmarty/client";

export interface ProfileForm {
  display_name: string;
  full_name: string;
  bio: string;
  language: string;
  trading_experience: string;
  risk_tolerance: string;
  preferred_pairs: string;
  timezone: string;
}

export type ProfileField = keyof ProfileForm;
export type Faults = Partial<Record<ProfileField, string>>;

export const EXPERIENCES = {
  beginner: "Beginner: every word explained",
  intermediate: "Intermediate: the usual words",
  advanced: "Advanced: to the point",
  expert: "Expert: no word wasted",
} as const satisfies Record<NonNullable<Profile["trading_experience"]>, string>;

export const RISKS = ["1 · Very careful", "2 · Careful", "3 · Balanced", "4 · Bold", "5 · Very bold"];

/** Languages that are offered by name; the profile takes any other as well. */
export const LANGUAGES = [
  "en",
  "de",
  "es",
  "fr",
  "it",
  "pt-BR",
  "nl",
  "pl",
  "tr",
  "ru",
  "ar",
  "hi",
  "ja",
  "ko",
  "zh",
];

export function formOf(profile: Profile): ProfileForm {
  return {
    display_name: profile.display_name ?? "",
    full_name: profile.full_name ?? "",
    bio: profile.bio ?? "",
    language: profile.language,
    trading_experience: profile.trading_experience ?? "",
    risk_tolerance: profile.risk_tolerance?.toString() ?? "",
    preferred_pairs: profile.preferred_pairs.join(", "),
    timezone: profile.timezone,
  };
}

/** The fields that differ from what is saved. */
export function changedIn(form: ProfileForm, saved: ProfileForm): ProfileField[] {
  return (Object.keys(form) as ProfileField[]).filter(field => form[field].trim() !== saved[field].trim());
}

/** Only what changed is sent: what another device changed meanwhile stays. */
export function requestOf(form: ProfileForm, changed: readonly ProfileField[]): Partial<ProfileRequest> {
  const whole = {
    display_name: form.display_name.trim() || null,
    full_name: form.full_name.trim() || null,
    bio: form.bio.trim() || null,
    language: form.language,
    trading_experience: experienceOf(form.trading_experience),
    risk_tolerance: form.risk_tolerance ? Number(form.risk_tolerance) : null,
    preferred_pairs: form.preferred_pairs.split(/[\s,;]+/).filter(Boolean),
    timezone: form.timezone,
  } satisfies Record<ProfileField, unknown>;
  return Object.fromEntries(changed.map(field => [field, whole[field]]));
}

function experienceOf(name: string): Profile["trading_experience"] {
  return (Object.keys(EXPERIENCES) as (keyof typeof EXPERIENCES)[]).find(known => known === name) ?? null;
}

/** A refusal that names a field belongs beside it; any other has none. */
export function faultsOf(error: unknown, form: ProfileForm): Faults {
  if (!(error instanceof ApiError)) return {};
  if (error.code === "symbol_unsupported") return { preferred_pairs: error.message };
  const { field: told, rule } = error.details;
  // A list's refusal names the place in it, too: `preferred_pairs.2`.
  const named = typeof told === "string" ? told.split(".")[0] : undefined;
  const field = (Object.keys(form) as ProfileField[]).find(known => known === named);
  if (!field) return {};
  return { [field]: typeof rule === "string" && rule ? `This ${rule}.` : error.message };
}

/** A language by the name that its speakers give it. */
export function languageName(code: string): string {
  try {
    const name = new Intl.DisplayNames([code], { type: "language" }).of(code) ?? code;
    return name.charAt(0).toLocaleUpperCase(code) + name.slice(1);
  } catch {
    return code;
  }
}

/** Time zones that the browser knows, and the saved one in any case. */
export function timezonesWith(saved: string): string[] {
  return [...new Set(["UTC", saved, ...Intl.supportedValuesOf("timeZone")])].sort();
}
