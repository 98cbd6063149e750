import { type Client, createClient } from "@zmarty/client";
import { createContext, type ReactNode, useContext, useMemo } from "react";
import { useSession } from "~/auth/SessionProvider";

const Context = createContext<Client | null>(null);

export function ApiProvider({ apiUrl, children }: { apiUrl: string; children: ReactNode }) {
  const { accessToken, signOut } = useSession();
  const api = useMemo(
    () => createClient({ apiUrl, accessToken, onSignedOut: () => void signOut() }),
    [apiUrl, accessToken, signOut],
  );
  return <Context value={api}>{children}</Context>;
}

export function useApi(): Client {
  const api = useContext(Context);
  if (!api) throw new Error("useApi stands outside its provider.");
  return api;
}
