/** The only place of this function that speaks SQL: watchers move forward by version, never back. */

import postgres from "postgres";
import type { Change, Key } from "./change.ts";

const CONNECTIONS_MAX = 4;
const CONNECT_SECONDS = 1;
const RECONNECT_SECONDS = 0.1;
const IDLE_SECONDS = 60;
// Below the budget of a request, so that the database lets go before we answer.
const STATEMENT_MS = 700;

export type Result = "applied" | "duplicate" | "stale";

export interface Event {
  version: string;
  changes: Change[];
}

/** Carries out events in order in one transaction and stops at `deadline`; throws DatabaseFailed or RowRefused. */
export type Apply = (events: Event[], deadline: AbortSignal) => Promise<Result[]>;

/** The database could not do it now; the same request may succeed later. */
export class DatabaseFailed extends Error {}

/** The database will never take this row. */
export class RowRefused extends Error {}

type Transaction = postgres.TransactionSql;

export function applyWith(dsn: string): Apply {
  const sql = postgres(dsn, {
    max: CONNECTIONS_MAX,
    // Works behind a transaction pooler, too.
    prepare: false,
    fetch_types: false,
    connect_timeout: CONNECT_SECONDS,
    // The library's own pause grows to 20 s, far past the budget of whoever waits.
    backoff: () => RECONNECT_SECONDS,
    idle_timeout: IDLE_SECONDS,
    connection: { application_name: "watchers-upsert" },
  });
  return async (events, deadline) => {
    try {
      return await sql.begin((tx) => applyAll(tx, events, deadline)) as Result[];
    } catch (error) {
      throw translated(error);
    }
  };
}

async function applyAll(tx: Transaction, events: Event[], deadline: AbortSignal): Promise<Result[]> {
  // Whoever waited for a connection past the budget has been answered; do not spend the database on it.
  deadline.throwIfAborted();
  await tx`select set_config('statement_timeout', ${String(STATEMENT_MS)}, true)`;
  const results: Result[] = [];
  for (const event of events) results.push(await apply(tx, event));
  return results;
}

async function apply(tx: Transaction, event: Event): Promise<Result> {
  const results: Result[] = [];
  // In the order of keys, so that two events that move the same rows lock them in the same order.
  for (const change of event.changes.toSorted(byKey)) results.push(await save(tx, event.version, change));
  if (results.includes("applied")) return "applied";
  return results.includes("stale") ? "stale" : "duplicate";
}

async function save(tx: Transaction, version: string, change: Change): Promise<Result> {
  const { userId, symbol, timeframe } = change;
  const [before] = await tx<{ active: boolean; same: boolean; newer: boolean }[]>`
    select active, version = ${version}::bigint as same, version > ${version}::bigint as newer
    from public.watchers
    where user_id = ${userId}::uuid and symbol = ${symbol} and timeframe = ${timeframe}
    for update`;
  if (before?.same) return "duplicate";
  if (before?.newer) return "stale";
  const strategy = change.kind === "watch" ? JSON.stringify(change.strategy) : null;
  const saved = await tx`
    insert into public.watchers as watcher (user_id, symbol, timeframe, strategy, active, version)
    values (
      ${userId}::uuid, ${symbol}, ${timeframe},
      coalesce(${strategy}::text::jsonb, '{}'), ${change.kind === "watch"}, ${version}::bigint
    )
    on conflict (user_id, symbol, timeframe) do update
    set
      -- A tombstone keeps its strategy; a row it was made without has none to lose.
      strategy = case when excluded.active then excluded.strategy else watcher.strategy end,
      active = excluded.active,
      version = excluded.version,
      updated_at = now()
    where watcher.version < excluded.version
    returning 1`;
  // Another event created the row between the two statements; now it is there to compare with.
  if (saved.length === 0) return save(tx, version, change);
  if (change.kind === "watch" && !before?.active) await requestFirstIngest(tx, change);
  return "applied";
}

async function requestFirstIngest(tx: Transaction, { userId, symbol, timeframe }: Key): Promise<void> {
  // A pair that somebody else watches already is on the schedule.
  await tx`
    select queueing.send_once(
      'ingest_indicators',
      jsonb_build_object('symbol', ${symbol}::text, 'timeframe', ${timeframe}::text)
    )
    where not exists (
      select from public.watchers
      where symbol = ${symbol} and timeframe = ${timeframe} and active and user_id <> ${userId}::uuid
    )`;
}

function byKey(one: Key, other: Key): number {
  return text(one) < text(other) ? -1 : 1;
}

function text({ userId, symbol, timeframe }: Key): string {
  return `${userId} ${symbol} ${timeframe}`;
}

/** Data that Postgres refuses (classes 22 and 23) is refused for good; everything else may pass later. */
function translated(error: unknown): Error {
  if (error instanceof postgres.PostgresError && /^2[23]/.test(error.code)) {
    return new RowRefused(
      `the database refuses this row (${error.code} ${error.constraint_name ?? ""})`.trim(),
    );
  }
  const code = error instanceof Error && "code" in error ? String(error.code) : (error as Error).name;
  return new DatabaseFailed(`the database failed (${code}), try again`);
}
