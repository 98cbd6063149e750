/** The frame of every function that receives the mirror: settings in, requests out. */

import process from "node:process";
import { applyWith, type Store } from "./database.ts";
import type { Row } from "./fields.ts";
import { handlerFrom } from "./handler.ts";
import { secretsFrom } from "./signature.ts";

export interface Receiver<Change> {
  name: string;
  /** Read one event's payload, or throw FieldsInvalid. */
  read: (payload: Row) => Change;
  open: () => Store<Change>;
}

export function serve<Change>({ name, read, open }: Receiver<Change>): void {
  const log = (line: Row) =>
    console.log(JSON.stringify({ timestamp: new Date().toISOString(), service: name, ...line }));
  Deno.serve(handlerFrom({
    secrets: configuredSecrets(log),
    read,
    apply: applyWith(process.env.SUPABASE_DB_URL ?? "", name, open),
    now: () => new Date(),
    log,
  }));
}

function configuredSecrets(log: (line: Row) => void): string[] {
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
