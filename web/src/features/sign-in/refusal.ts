/** What the auth server says no with, in plain words and next to the field that it is about. Pure. */

export type Field = "email" | "password" | "code" | "form";

export interface Refusal {
  field: Field;
  text: string;
  /** What helps, when it is another step than trying again. */
  remedy?: "sign-in" | "sign-up" | "confirm";
}

export interface Told {
  message: string;
  name?: string;
  code?: string | undefined;
  status?: number | undefined;
  reasons?: string[];
}

const AWAY = "The sign-in server cannot be reached. Check your connection and try again.";

const KNOWN: Record<string, Refusal> = {
  invalid_credentials: { field: "password", text: "The e-mail or the password is not right." },
  user_not_found: { field: "email", text: "There is no account with this e-mail.", remedy: "sign-up" },
  email_not_confirmed: {
    field: "form",
    text: "Your e-mail is not confirmed yet. We can send you the mail again.",
    remedy: "confirm",
  },
  user_already_exists: {
    field: "email",
    text: "There is an account with this e-mail already.",
    remedy: "sign-in",
  },
  email_exists: { field: "email", text: "There is an account with this e-mail already.", remedy: "sign-in" },
  email_address_invalid: {
    field: "email",
    text: "This address cannot receive mail. Check how it is written.",
  },
  email_address_not_authorized: { field: "email", text: "Mail cannot be sent to this address." },
  same_password: { field: "password", text: "This is your password already. Choose another one." },
  otp_expired: { field: "code", text: "This code is wrong or has expired. Ask for a new one." },
  otp_disabled: { field: "email", text: "There is no account with this e-mail.", remedy: "sign-up" },
  signup_disabled: { field: "form", text: "New accounts cannot be made at the moment." },
  email_provider_disabled: { field: "form", text: "Signing in by e-mail is switched off here." },
  provider_disabled: { field: "form", text: "This way to sign in is switched off here." },
  user_banned: { field: "form", text: "This account is locked. Write to support if that is a mistake." },
  over_request_rate_limit: { field: "form", text: "Too many tries. Wait five minutes, then try again." },
  over_email_send_rate_limit: {
    field: "form",
    text: "Too many mails to this address. Wait a few minutes before asking for another.",
  },
  session_not_found: { field: "form", text: "You were signed out meanwhile. Ask for a new link." },
  session_expired: { field: "form", text: "You were signed out meanwhile. Ask for a new link." },
  reauthentication_needed: { field: "form", text: "Sign in again before you change the password." },
  flow_state_not_found: { field: "form", text: "This link was used already. Ask for a new one." },
  flow_state_expired: { field: "form", text: "This link has expired. Ask for a new one." },
  bad_code_verifier: { field: "form", text: "This link was asked for in another browser." },
};

const REASONS: Record<string, string> = {
  length: "too short",
  characters: "of too few kinds of characters: mix letters, digits and signs",
  pwned: "known from a data leak, so others could guess it",
};

export function refusalOf(error: Told): Refusal {
  const known = error.code ? KNOWN[error.code] : undefined;
  if (known) return known;
  if (error.code === "weak_password" || error.name === "AuthWeakPasswordError") return weak(error);
  if (error.code === "validation_failed") return invalid(error.message);
  if (error.status === 429) return { field: "form", text: "Too many tries. Wait a little, then try again." };
  if (isAway(error)) return { field: "form", text: AWAY };
  return { field: "form", text: error.message || "This did not work. Please try again." };
}

function weak({ message, reasons = [] }: Told): Refusal {
  const named = reasons.flatMap(reason => REASONS[reason] ?? []);
  const least = /at least (\d+) characters/.exec(message)?.[1];
  const wanted = least ? ` Use at least ${least} characters.` : "";
  return {
    field: "password",
    text: `This password is ${named.length > 0 ? named.join(" and ") : "too easy to guess"}.${wanted}`,
  };
}

function invalid(message: string): Refusal {
  if (/password/i.test(message)) {
    return /longer|exceed/i.test(message)
      ? { field: "password", text: "This password is too long: 72 characters are the most." }
      : { field: "password", text: "Please enter a password." };
  }
  if (/email/i.test(message)) return { field: "email", text: "This is not an e-mail address." };
  return { field: "form", text: message };
}

/** No answer, or one of a gateway: supabase-js gives both the same name. */
function isAway({ name, status, code }: Told): boolean {
  return name === "AuthRetryableFetchError" || (code === undefined && (status === 0 || (status ?? 0) >= 500));
}
