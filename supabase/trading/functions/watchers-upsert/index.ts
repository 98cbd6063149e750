/** Deno's entry of watchers-upsert: settings in, requests out. Everything that decides stands in the other files. */

import process from "node:process";
import { handlerFrom } from "./handler.ts";
import { secretsFrom } from "./signature.ts";
import { applyWith } from "./store.ts";

function log(line: Record<string, unknown>): void {
  console.log(JSON.stringify({ timestamp: new Date().toISOString(), service: "watchers-upsert", ...line }));
}

function configuredSecrets(): string[] {
  try {
    const secrets = secretsFrom(process.env.WATCHERS_WEBHOOK_SECRETS || process.env.WEBHOOK_SECRET || "");
    if (secrets.length === 0) log({ level: "error", event: "secrets_missing" });
    return secrets;
  } catch (error) {
    // Closed rather than half open: no event is accepted until every configured secret is one.
    log({ level: "error", event: "secrets_malformed", message: (error as Error).message });
    return [];
  }
}

Deno.serve(handlerFrom({
  secrets: configuredSecrets(),
  apply: applyWith(process.env.SUPABASE_DB_URL ?? ""),
  now: () => new Date(),
  log,
}));
