import { GoTrueClient } from "@supabase/auth-js";
import type { Config } from "@zmarty/client";

const clients = new Map<string, GoTrueClient>();
const STORAGE_KEY = "zmarty-session";

/**
 * The client of the auth server, one for each server: two would both renew the same session, and one of them would
 * lose. It is supabase-js's own, without the parts that would speak to a project's tables, files and channels: nothing
 * here does.
 */
export function authOf({
  auth_url: url,
  publishable_key: key,
}: Pick<Config, "auth_url" | "publishable_key">): GoTrueClient {
  const known = clients.get(url);
  if (known) return known;
  const made = new GoTrueClient({
    url,
    // Written as the client itself writes it: the user's token then takes the place of the key, and does not stand beside it.
    headers: { apikey: key, Authorization: `Bearer ${key}` },
    storageKey: STORAGE_KEY,
    // A link's code is exchanged for a session; a token itself never stands in an address.
    flowType: "pkce",
    detectSessionInUrl: true,
    persistSession: true,
    autoRefreshToken: true,
  });
  clients.set(url, made);
  return made;
}

/** End the session of this browser, without the auth server when that is away; whether the server was told. */
export async function endSession(auth: GoTrueClient): Promise<boolean> {
  const { error } = await auth.signOut({ scope: "local" }).catch((failure: unknown) => ({ error: failure }));
  // The client keeps a session that it could not end; a renewal under way finds it gone and drops what it got.
  if (error) for (const end of ["", "-code-verifier"]) localStorage.removeItem(STORAGE_KEY + end);
  return !error;
}
