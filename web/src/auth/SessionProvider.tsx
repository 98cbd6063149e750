import type { GoTrueClient, Session } from "@supabase/auth-js";
import { useQueryClient } from "@tanstack/react-query";
import type { Config } from "@zmarty/client";
import { createContext, type ReactNode, useContext, useEffect, useMemo, useState } from "react";
import { authOf } from "./client";

interface SignedIn {
  auth: GoTrueClient;
  /** Where the auth server is; its `/settings` says which other ways to sign in there are. */
  authUrl: string;
  /** Names the project to the auth server's gateway; it is public. */
  publishableKey: string;
  /** undefined: not known yet; null: nobody. */
  session: Session | null | undefined;
  userId: string | null;
  email: string | null;
  isOperator: boolean;
  /** The token to send, renewed when it is about to end. */
  accessToken: () => Promise<string | null>;
  signOut: () => Promise<void>;
}

const Context = createContext<SignedIn | null>(null);

export function SessionProvider({ config, children }: { config: Config; children: ReactNode }) {
  const cache = useQueryClient();
  const auth = authOf(config);
  const [session, setSession] = useState<Session | null | undefined>(undefined);
  const userId = session?.user.id ?? null;

  useEffect(() => {
    const { data } = auth.onAuthStateChange((_event, changed) => setSession(changed));
    return () => data.subscription.unsubscribe();
  }, [auth]);

  // Whatever was read belongs to whoever read it.
  // biome-ignore lint/correctness/useExhaustiveDependencies: each change of the user empties the cache
  useEffect(() => () => cache.clear(), [cache, userId]);

  const value = useMemo<SignedIn>(
    () => ({
      auth,
      authUrl: config.auth_url,
      publishableKey: config.publishable_key,
      session,
      userId,
      email: session?.user.email ?? null,
      isOperator: session?.user.app_metadata.role === "operator",
      accessToken: async () => (await auth.getSession()).data.session?.access_token ?? null,
      signOut: async () => {
        await auth.signOut({ scope: "local" });
      },
    }),
    [auth, config.auth_url, config.publishable_key, session, userId],
  );
  return <Context value={value}>{children}</Context>;
}

export function useSession(): SignedIn {
  const value = useContext(Context);
  if (!value) throw new Error("useSession stands outside its provider.");
  return value;
}
