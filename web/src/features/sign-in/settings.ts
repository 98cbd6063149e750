/** What the auth server offers besides a password and a mail. */

export type Provider = "google" | "apple";

export interface AuthSettings {
  providers: Provider[];
  canSignUp: boolean;
}

/** Read `GET {authUrl}/settings`; what is missing or strange counts as not offered. Pure. */
export function settingsFrom(told: unknown): AuthSettings {
  const document = isRecord(told) ? told : {};
  const external = isRecord(document.external) ? document.external : {};
  return {
    providers: (["google", "apple"] as const).filter(name => external[name] === true),
    canSignUp: document.disable_signup !== true,
  };
}

export async function loadSettings(
  authUrl: string,
  publishableKey: string,
  signal?: AbortSignal,
): Promise<AuthSettings> {
  const response = await fetch(`${authUrl}/settings`, {
    headers: { apikey: publishableKey },
    credentials: "omit",
    ...(signal && { signal }),
  });
  if (!response.ok) throw new Error(`The auth server answered ${response.status}`);
  return settingsFrom(await response.json());
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
