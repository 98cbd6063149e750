/** The only place of this function that speaks SQL: watchers move forward by version, never back. */

import type { Event, Result, Store, Transaction } from "../_shared/database.ts";
import type { Change, Key } from "./change.ts";

/** A store for one transaction; the pairs that begin to be watched in it are remembered until its end. */
export function openStore(): Store<Change[]> {
  const begun = new Map<string, Key>();
  return {
    apply: (tx, event) => apply(tx, event, begun),
    finish: (tx) => requestFirstIngests(tx, begun),
  };
}

async function apply(tx: Transaction, event: Event<Change[]>, begun: Map<string, Key>): Promise<Result> {
  const results: Result[] = [];
  // In the order of keys, so that two events that move the same rows lock them in the same order.
  for (const change of event.change.toSorted(byKey)) {
    results.push(await save(tx, event.version, change, begun));
  }
  if (results.includes("applied")) return "applied";
  return results.includes("stale") ? "stale" : "duplicate";
}

async function save(
  tx: Transaction,
  version: string,
  change: Change,
  begun: Map<string, Key>,
): Promise<Result> {
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
  if (saved.length === 0) return save(tx, version, change, begun);
  if (change.kind === "watch" && !before?.active) begun.set(`${symbol} ${timeframe}`, change);
  return "applied";
}

async function requestFirstIngests(tx: Transaction, begun: Map<string, Key>): Promise<void> {
  if (begun.size === 0) return;
  const pairs = [...begun.values()].map(({ symbol, timeframe }) => ({ symbol, timeframe }));
  // A pair that was watched before is on the schedule. Sent in the order of keys: two requests that begin to watch the
  // same pairs wait for each other's messages, and in one order they cannot wait in a circle.
  await tx`
    select queueing.send_once('ingest_indicators', to_jsonb(pair))
    from (
      select asked.symbol, asked.timeframe
      from jsonb_to_recordset(${JSON.stringify(pairs)}::text::jsonb) as asked (symbol text, timeframe text)
      where not exists (
        select from public.watchers
        where watchers.symbol = asked.symbol and watchers.timeframe = asked.timeframe and active
          -- Those of this transaction were begun with the pair.
          and updated_at < now()
      )
      order by asked.symbol, asked.timeframe
    ) as pair`;
}

function byKey(one: Key, other: Key): number {
  return text(one) < text(other) ? -1 : 1;
}

function text({ userId, symbol, timeframe }: Key): string {
  return `${userId} ${symbol} ${timeframe}`;
}
