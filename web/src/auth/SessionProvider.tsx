import type { GoTrueClient, Session } from "@supabase/auth-js";
import { useQueryClient } from "@tanstack/react-query";
import type { Config } from "@zmarty/client";
import { createContext, type ReactNode, useCallback, useContext, useEffect, useMemo, useState } from "react";
import { authOf, endSession } from "./client";
import { left, ownedBy } from "./owner";

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
  /** The token to send, renewed when it is about to end; throws when it cannot be renewed now. The same function for good. */
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
    const { data } = auth.onAuthStateChange((event, changed) => {
      // Before the page of the next user is drawn.
      if (changed) ownedBy(changed.user.id);
      else if (event === "SIGNED_OUT") left();
      setSession(changed);
    });
    return () => data.subscription.unsubscribe();
  }, [auth]);

  // Whatever was read belongs to whoever read it.
  // biome-ignore lint/correctness/useExhaustiveDependencies: each change of the user empties the cache
  useEffect(() => () => cache.clear(), [cache, userId]);

  // The client tells the same session anew at each look at the tab and each renewal: whoever asks with it must not
  // begin anew with each.
  const accessToken = useCallback(async () => {
    const { data, error } = await auth.getSession();
    // Without a token the API would refuse, and the user would be signed out because the auth server was away.
    if (error) throw error;
    return data.session?.access_token ?? null;
  }, [auth]);
  const signOut = useCallback(async () => {
    if (await endSession(auth)) return;
    left();
    setSession(null);
  }, [auth]);

  const value = useMemo<SignedIn>(
    () => ({
      auth,
      authUrl: config.auth_url,
      publishableKey: config.publishable_key,
      session,
      userId,
      email: session?.user.email ?? null,
      isOperator: session?.user.app_metadata.role === "operator",
      accessToken,
      signOut,
    }),
    [auth, config.auth_url, config.publishable_key, session, userId, accessToken, signOut],
  );
  return <Context value={value}>{children}</Context>;
}

export function useSession(): SignedIn {
  const value = useContext(Context);
  if (!value) throw new Error("useSession stands outside its provider.");
  return value;
}
