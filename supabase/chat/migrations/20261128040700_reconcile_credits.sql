-- Does the ledger agree with itself? Rebuilt from entries and holds by SQL of its own, apart from the verbs.
set local lock_timeout = '5s';

create function private.credit_differences(p_user_id uuid default null, p_limit integer default 1000) returns table (
  user_id uuid, subject text, recorded bigint, rebuilt bigint
)
language sql
stable
security definer
set search_path = ''
as $$
  with accounts as (
    select account.user_id, account.balance, account.held
    from public.credit_accounts as account
    where p_user_id is null or account.user_id = p_user_id
  ),
  entries as (
    select
      entry.user_id,
      sum(entry.amount) as total,
      -- What is written beside each entry, against what the entries before it make.
      count(*) filter (where entry.balance_after <> entry.running) as crooked
    from (
      select
        ledger.user_id, ledger.amount, ledger.balance_after,
        sum(ledger.amount) over (partition by ledger.user_id order by ledger.id) as running
      from public.credits_ledger as ledger
      where p_user_id is null or ledger.user_id = p_user_id
    ) as entry
    group by entry.user_id
  ),
  holds as (
    select hold.user_id, sum(hold.credits) as total
    from public.credit_holds as hold
    where hold.state = 'held' and (p_user_id is null or hold.user_id = p_user_id)
    group by hold.user_id
  ),
  draws as (
    select ledger.user_id, draw.key::bigint as grant_id, sum(draw.value::bigint) as total
    from public.credits_ledger as ledger
    cross join lateral jsonb_each_text(ledger.drawn) as draw
    where ledger.drawn is not null and (p_user_id is null or ledger.user_id = p_user_id)
    group by ledger.user_id, draw.key
  ),
  grants as (
    select
      granted.user_id, granted.id, granted.remaining, granted.credits - coalesce(draws.total, 0) as rebuilt
    from public.credit_grants as granted
    left join draws on draws.grant_id = granted.id and draws.user_id = granted.user_id
    where p_user_id is null or granted.user_id = p_user_id
  )
  select found.user_id, found.subject, found.recorded, found.rebuilt
  from (
    select accounts.user_id, 'balance' as subject, accounts.balance::bigint as recorded, coalesce(entries.total, 0)::bigint as rebuilt
    from accounts left join entries using (user_id)
    where accounts.balance <> coalesce(entries.total, 0)
    union all
    select accounts.user_id, 'held', accounts.held, coalesce(holds.total, 0)::bigint
    from accounts left join holds using (user_id)
    where accounts.held <> coalesce(holds.total, 0)
    union all
    select entries.user_id, 'running balances', entries.crooked, 0
    from entries
    where entries.crooked > 0
    union all
    select grants.user_id, 'grant ' || grants.id, grants.remaining, grants.rebuilt::bigint
    from grants
    where grants.remaining <> grants.rebuilt
    union all
    select accounts.user_id, 'grants in all', coalesce(sum(grants.rebuilt), 0)::bigint, coalesce(max(entries.total), 0)::bigint
    from accounts left join grants using (user_id) left join entries using (user_id)
    group by accounts.user_id
    having coalesce(sum(grants.rebuilt), 0) <> coalesce(max(entries.total), 0)
  ) as found
  order by found.user_id, found.subject
  limit p_limit;
$$;

comment on function private.credit_differences(uuid, integer) is
  'Where accounts and grants differ from what the entries and open holds make of them; no row: everything agrees.';

create function private.repair_credits(p_user_id uuid) returns integer
language plpgsql
security definer
set search_path = ''
as $$
declare
  repaired integer := 0;
  touched integer;
begin
  perform from public.credit_accounts where user_id = p_user_id for update;
  -- The entries are the truth and stay untouched; what is derived from them is derived again.
  update public.credit_grants as granted
  set remaining = granted.credits - rebuilt.drawn
  from (
    select inner_grant.id, coalesce(sum((ledger.drawn ->> inner_grant.id::text)::integer), 0) as drawn
    from public.credit_grants as inner_grant
    left join public.credits_ledger as ledger
      on ledger.user_id = inner_grant.user_id and ledger.drawn ? inner_grant.id::text
    where inner_grant.user_id = p_user_id
    group by inner_grant.id
  ) as rebuilt
  where granted.id = rebuilt.id and granted.remaining <> granted.credits - rebuilt.drawn;
  get diagnostics repaired = row_count;
  update public.credit_accounts as account
  set balance = truth.balance, held = truth.held, updated_at = now(), next_expiry = (
    select min(expires_at) from public.credit_grants where user_id = p_user_id and remaining > 0
  )
  from (
    select
      coalesce((select sum(amount) from public.credits_ledger where user_id = p_user_id), 0)::integer as balance,
      coalesce((select sum(credits) from public.credit_holds where user_id = p_user_id and state = 'held'), 0)::integer as held
  ) as truth
  where account.user_id = p_user_id and (account.balance, account.held) is distinct from (truth.balance, truth.held);
  get diagnostics touched = row_count;
  return repaired + touched;
end
$$;

comment on function private.repair_credits(uuid) is
  'Derive a user''s account and grants from their entries and open holds again; returns how many rows changed. Entries are never touched.';

revoke execute on function private.credit_differences(uuid, integer), private.repair_credits(uuid) from public;
