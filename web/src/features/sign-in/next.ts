/** Where to go after signing in. Pure. */

export const SIGN_IN = "/sign-in";
/** Whoever is younger than this has just signed up. */
const NEW_SECONDS = 3_600;

/** The page that was asked for, when it is one of ours; null for every other address, so that no link can lead away. */
export function localPath(asked: string | null, origin: string): string | null {
  if (!asked?.startsWith("/")) return null;
  let url: URL;
  try {
    url = new URL(asked, origin);
  } catch {
    return null;
  }
  if (url.origin !== origin) return null;
  const path = url.pathname + url.search + url.hash;
  // Resolving may leave two slashes at the start ("/.//evil"), which a browser would read as a host.
  if (path.startsWith("//") || url.pathname === "/" || url.pathname.startsWith(SIGN_IN)) return null;
  return path;
}

/** The page that was asked for with its query, as far as there is one to come back to. */
export function askedPath(location: string, search: string): string | null {
  if (location === "/") return null;
  return search ? `${location}?${search}` : location;
}

export function isNew(createdAt: string, now: Date = new Date()): boolean {
  return now.getTime() - new Date(createdAt).getTime() < NEW_SECONDS * 1000;
}

/** An address of the sign-in page that keeps the page that was asked for. */
export function stepPath(step: string, next: string | null): string {
  const path = step ? `${SIGN_IN}/${step}` : SIGN_IN;
  return next ? `${path}?next=${encodeURIComponent(next)}` : path;
}

/** Why a mail's link or another site sent somebody back without a session; null when nobody came that way. */
export function returnedFrom(search: string, hash: string): { code: string; text: string } | null {
  const query = new URLSearchParams(search);
  const fragment = new URLSearchParams(hash.replace(/^#/, ""));
  const told = query.get("error") || query.get("error_code") ? query : fragment;
  const code = told.get("error_code") ?? told.get("error");
  if (code) return { code, text: sentenceOf(code) };
  if (query.get("code")) {
    return {
      code: "other_browser",
      text: "This link works only in the browser in which you asked for it. Ask for a new one here.",
    };
  }
  return null;
}

/** Never in the words of the address: anybody can write a link with words of their own. */
function sentenceOf(code: string): string {
  if (code === "otp_expired" || code === "flow_state_expired") {
    return "This link has expired or was used already. Ask for a new one.";
  }
  if (code === "access_denied") return "The sign-in was cancelled. Nothing has changed.";
  if (code === "signup_disabled") return "New accounts cannot be made at the moment.";
  if (code === "server_error" || code === "temporarily_unavailable" || code === "unexpected_failure") {
    return "The sign-in did not work, as the other side had a problem. Please try again.";
  }
  return "The sign-in did not work. Please try again.";
}
