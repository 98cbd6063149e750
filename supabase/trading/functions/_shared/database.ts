/** One transaction for the events of a request, on connections that give up in time; where Postgres' errors get their names. */

import postgres from "postgres";

const CONNECTIONS_MAX = 4;
const CONNECT_SECONDS = 1;
const RECONNECT_SECONDS = 0.1;
const IDLE_SECONDS = 60;
// Below the budget of a request, so that the database lets go before we answer.
const STATEMENT_MS = 700;

export type Transaction = postgres.TransactionSql;
export type Result = "applied" | "duplicate" | "stale";

export interface Event<Change> {
  version: string;
  change: Change;
}

/** The database could not do it now; the same request may succeed later. */
export class DatabaseFailed extends Error {}

/** The database will never take this row. */
export class RowRefused extends Error {}

export type Outcome = Result | RowRefused;

/** Carries out events in order in one transaction and stops at `deadline`; throws DatabaseFailed. */
export type Apply<Change> = (events: Event<Change>[], deadline: AbortSignal) => Promise<Outcome[]>;

/** What a function does with its events inside the transaction; `finish` runs once, after the last of them. */
export interface Store<Change> {
  apply: (tx: Transaction, event: Event<Change>) => Promise<Result>;
  finish?: (tx: Transaction) => Promise<void>;
}

export function applyWith<Change>(dsn: string, name: string, open: () => Store<Change>): Apply<Change> {
  const sql = postgres(dsn, {
    max: CONNECTIONS_MAX,
    // Works behind a transaction pooler, too.
    prepare: false,
    fetch_types: false,
    connect_timeout: CONNECT_SECONDS,
    // The library's own pause grows to 20 s, far past the budget of whoever waits.
    backoff: () => RECONNECT_SECONDS,
    idle_timeout: IDLE_SECONDS,
    connection: { application_name: name },
  });
  const attempt = (events: Event<Change>[], deadline: AbortSignal, apart: boolean) =>
    sql.begin(async (tx) => {
      // Whoever waited for a connection past the budget has been answered; do not spend the database on it.
      deadline.throwIfAborted();
      await tx`select set_config('statement_timeout', ${String(STATEMENT_MS)}, true)`;
      const store = open();
      const outcomes: Outcome[] = [];
      for (const event of events) outcomes.push(await applyOne(tx, store, event, apart));
      await store.finish?.(tx);
      return outcomes;
    }) as Promise<Outcome[]>;
  return async (events, deadline) => {
    try {
      return await attempt(events, deadline, false);
    } catch (error) {
      if (!(refusalFrom(error))) throw failureFrom(error);
    }
    try {
      // One row is refused, and with it went all: again, each event in a savepoint of its own.
      return await attempt(events, deadline, true);
    } catch (error) {
      throw refusalFrom(error) ?? failureFrom(error);
    }
  };
}

async function applyOne<Change>(
  tx: Transaction,
  store: Store<Change>,
  event: Event<Change>,
  apart: boolean,
): Promise<Outcome> {
  if (!apart) return await store.apply(tx, event);
  try {
    return await tx.savepoint((inner) => store.apply(inner, event)) as Result;
  } catch (error) {
    const refusal = refusalFrom(error);
    if (refusal) return refusal;
    throw error;
  }
}

/** Data that Postgres refuses (classes 22 and 23) is refused for good; everything else may pass later. */
function refusalFrom(error: unknown): RowRefused | null {
  if (!(error instanceof postgres.PostgresError && /^2[23]/.test(error.code))) return null;
  return new RowRefused(
    `the database refuses this row (${error.code} ${error.constraint_name ?? ""})`.trim(),
  );
}

function failureFrom(error: unknown): DatabaseFailed {
  const code = error instanceof Error && "code" in error ? String(error.code) : (error as Error).name;
  return new DatabaseFailed(`the database failed (${code}), try again`);
}
