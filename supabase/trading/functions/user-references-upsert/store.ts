/** The only place of this function that speaks SQL: a user's snapshot moves forward by version, never back. */

import type { Event, Result, Store, Transaction } from "../_shared/database.ts";
import type { Snapshot } from "./snapshot.ts";

export function openStore(): Store<Snapshot> {
  return { apply: save };
}

async function save(tx: Transaction, { version, change }: Event<Snapshot>): Promise<Result> {
  const saved = await tx`
    insert into public.user_references as reference (user_id, email, tier, credits_balance, is_active, version)
    values (
      ${change.userId}::uuid, ${change.email}, ${change.tier}, ${change.creditsBalance}::integer,
      ${change.isActive}, ${version}::bigint
    )
    on conflict (user_id) do update
    set
      email = excluded.email,
      tier = excluded.tier,
      credits_balance = excluded.credits_balance,
      is_active = excluded.is_active,
      version = excluded.version,
      synced_at = now()
    where reference.version < excluded.version
    returning 1`;
  if (saved.length > 0) return "applied";
  // It was there, and rows are never deleted: whatever stopped us is at least as new.
  const [kept] = await tx<{ same: boolean }[]>`
    select version = ${version}::bigint as same
    from public.user_references
    where user_id = ${change.userId}::uuid`;
  return kept?.same ? "duplicate" : "stale";
}
