import { createClient, type SupabaseClient } from "@supabase/supabase-js";
import type { Config } from "@zmarty/client";

const clients = new Map<string, SupabaseClient>();

/** The client of the auth server, one for each server: two would both renew the same session, and one of them would lose. */
export function supabaseOf(config: Pick<Config, "supabase_url" | "publishable_key">): SupabaseClient {
  const key = `${config.supabase_url} ${config.publishable_key}`;
  const known = clients.get(key);
  if (known) return known;
  const made = createClient(config.supabase_url, config.publishable_key, {
    // A link's code is exchanged for a session; a token itself never stands in an address.
    auth: {
      flowType: "pkce",
      detectSessionInUrl: true,
      persistSession: true,
      storageKey: "zmarty-session",
    },
  });
  clients.set(key, made);
  return made;
}
