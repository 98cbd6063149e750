import type { Config } from "@zmarty/client";

/** Where the API is when it is not the origin that serves this page; set when the app is built for Netlify. */
const API_ORIGIN: string = import.meta.env.VITE_API_ORIGIN ?? "";

/** What has to be known before anybody has signed in. Throws when the API does not answer. */
export async function loadConfig(): Promise<Config> {
  const response = await fetch(`${API_ORIGIN}/config.json`);
  if (!response.ok) throw new Error(`/config.json answered ${response.status}`);
  const config: Config = await response.json();
  return { ...config, api_url: apiUrlOf(config.api_url, new URL(API_ORIGIN || location.origin)) };
}

/** Where to ask: what answered, unless it names another host. Only the browser knows for certain by which scheme it came. */
export function apiUrlOf(told: string, asked: URL): string {
  return URL.canParse(told) && new URL(told).host !== asked.host ? told : asked.origin;
}
