-- Credits: an append-only ledger of what moved, accounts that a hold counts against, and the verbs that move them.
set local lock_timeout = '5s';

create table public.credit_accounts (
  user_id uuid primary key references auth.users (id) on delete cascade,
  balance integer not null default 0,
  held integer not null default 0,
  updated_at timestamptz not null default now(),
  constraint credit_accounts_held_counted check (held >= 0),
  constraint credit_accounts_no_overdraft check (balance >= held)
);

create table public.credits_ledger (
  id bigint generated always as identity primary key,
  user_id uuid not null references auth.users (id) on delete cascade,
  kind text not null constraint credits_ledger_kind_known check (kind in ('grant', 'charge', 'refund', 'expire')),
  amount integer not null
    constraint credits_ledger_sign_fits
    check (case when kind in ('grant', 'refund') then amount > 0 else amount < 0 end),
  balance_after integer not null constraint credits_ledger_no_overdraft check (balance_after >= 0),
  idempotency_key text not null,
  provider text,
  model text,
  input_tokens integer,
  output_tokens integer,
  reason text not null,
  metadata jsonb not null default '{}',
  created_at timestamptz not null default now(),
  constraint credits_ledger_once unique (user_id, idempotency_key)
);

create index credits_ledger_by_user on public.credits_ledger (user_id, id desc);

create table public.credit_holds (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references auth.users (id) on delete cascade,
  credits integer not null constraint credit_holds_positive check (credits > 0),
  charged integer constraint credit_holds_charge_covered check (charged between 0 and credits),
  state text not null default 'held'
    constraint credit_holds_state_known check (state in ('held', 'settled', 'released', 'expired')),
  expires_at timestamptz not null,
  created_at timestamptz not null default now(),
  resolved_at timestamptz,
  constraint credit_holds_resolved_once check ((state = 'held') = (resolved_at is null))
);

create index credit_holds_by_user on public.credit_holds (user_id, created_at desc);
create index credit_holds_expiring on public.credit_holds (expires_at) where state = 'held';

create view public.credit_balance with (security_invoker = true) as
select
  account.user_id,
  coalesce((select sum(entry.amount) from public.credits_ledger as entry where entry.user_id = account.user_id), 0)::integer
    as balance,
  account.held,
  account.balance - account.held as available
from public.credit_accounts as account;

comment on view public.credit_balance is
  'balance is the sum of the entries, not the account''s copy: that both agree is what reconcile checks.';

create function private.refuse_change() returns trigger
language plpgsql
set search_path = ''
as $$
begin
  -- Deleting a user deletes their rows by cascade; that comes from a trigger. Nothing else may touch an entry.
  if tg_op = 'DELETE' and pg_trigger_depth() > 1 then
    return old;
  end if;
  raise exception 'the ledger is append-only: correct an entry by a new one' using errcode = 'restrict_violation';
end
$$;
revoke execute on function private.refuse_change() from public;

create trigger append_only before update or delete on public.credits_ledger
for each row execute function private.refuse_change();

-- The verbs. Each is one statement for its caller: atomic, idempotent, and the only way credits move. They lock the
-- account first, so that two requests of one user never read the same balance.

create function private.grant_credits(
  p_user_id uuid, p_credits integer, p_key text, p_reason text, p_metadata jsonb default '{}'
) returns bigint
language plpgsql
security definer
set search_path = ''
as $$
declare
  credits_max constant integer := 1000000;
  entry_id bigint;
  new_balance integer;
begin
  if p_credits is null or p_credits not between 1 and credits_max then
    raise exception 'credits must be between 1 and %', credits_max using errcode = 'invalid_parameter_value';
  end if;
  insert into public.credit_accounts (user_id) values (p_user_id) on conflict (user_id) do nothing;
  perform from public.credit_accounts where user_id = p_user_id for update;
  select id into entry_id from public.credits_ledger where user_id = p_user_id and idempotency_key = p_key;
  if found then
    return entry_id;
  end if;
  update public.credit_accounts
  set balance = balance + p_credits, updated_at = now()
  where user_id = p_user_id
  returning balance into new_balance;
  insert into public.credits_ledger (user_id, kind, amount, balance_after, idempotency_key, reason, metadata)
  values (p_user_id, 'grant', p_credits, new_balance, p_key, p_reason, p_metadata)
  returning id into entry_id;
  return entry_id;
end
$$;

comment on function private.grant_credits(uuid, integer, text, text, jsonb) is
  'Add credits once for each key; returns the entry. A repeated key changes nothing and returns the first entry.';

create function private.hold_credits(
  p_user_id uuid, p_credits integer, p_seconds integer, out hold_id uuid, out balance integer, out available integer
)
language plpgsql
security definer
set search_path = ''
as $$
#variable_conflict use_column
begin
  if p_credits is null or p_credits < 1 or p_seconds is null or p_seconds < 1 then
    raise exception 'a hold needs at least 1 credit and 1 second' using errcode = 'invalid_parameter_value';
  end if;
  update public.credit_accounts
  set held = held + p_credits, updated_at = now()
  where user_id = p_user_id and credit_accounts.balance - held >= p_credits
  returning credit_accounts.balance, credit_accounts.balance - held into hold_credits.balance, hold_credits.available;
  if found then
    insert into public.credit_holds (user_id, credits, expires_at)
    values (p_user_id, p_credits, now() + make_interval(secs => p_seconds))
    returning id into hold_credits.hold_id;
  else
    select account.balance, account.balance - account.held into hold_credits.balance, hold_credits.available
    from public.credit_accounts as account
    where account.user_id = p_user_id;
  end if;
end
$$;

comment on function private.hold_credits(uuid, integer, integer) is
  'Reserve credits until they are settled, released or expire. hold_id is null when fewer are available; nothing changed then.';

create function private.resolve_hold(p_hold_id uuid, p_state text, p_charged integer) returns uuid
language plpgsql
set search_path = ''
as $$
declare
  owner_id uuid;
begin
  -- Settle, release and expire all pass here, and only the first of them finds the hold held.
  update public.credit_holds
  set state = p_state, charged = p_charged, resolved_at = now()
  where id = p_hold_id and state = 'held'
  returning user_id into owner_id;
  return owner_id;
end
$$;

create function private.settle_hold(
  p_hold_id uuid, p_credits integer, p_provider text, p_model text, p_input_tokens integer, p_output_tokens integer,
  p_reason text, p_metadata jsonb default '{}',
  out charged integer, out balance integer, out available integer, out state text
)
language plpgsql
security definer
set search_path = ''
as $$
#variable_conflict use_column
declare
  hold public.credit_holds;
  account public.credit_accounts;
begin
  if p_credits is null or p_credits < 0 then
    raise exception 'a charge must not be negative' using errcode = 'invalid_parameter_value';
  end if;
  select * into hold from public.credit_holds where id = p_hold_id;
  if not found then
    raise exception 'no such hold' using errcode = 'no_data_found';
  end if;
  -- The account before the hold, as everywhere: one lock order, no deadlock.
  select * into account from public.credit_accounts where user_id = hold.user_id for update;
  if private.resolve_hold(p_hold_id, 'settled', least(p_credits, hold.credits)) is not null then
    settle_hold.charged := least(p_credits, hold.credits);
    update public.credit_accounts
    set balance = balance - settle_hold.charged, held = held - hold.credits, updated_at = now()
    where user_id = hold.user_id
    returning * into account;
    if settle_hold.charged > 0 then
      insert into public.credits_ledger
        (user_id, kind, amount, balance_after, idempotency_key, provider, model, input_tokens, output_tokens, reason, metadata)
      values (
        hold.user_id, 'charge', -settle_hold.charged, account.balance, 'hold:' || p_hold_id, p_provider, p_model,
        p_input_tokens, p_output_tokens, p_reason,
        -- What the hold could not cover is not charged, and not hidden either.
        p_metadata || case when p_credits > hold.credits then jsonb_build_object('shortfall', p_credits - hold.credits)
                      else '{}'::jsonb end
      );
    end if;
    settle_hold.state := 'settled';
  else
    select coalesce(credit_holds.charged, 0), credit_holds.state into settle_hold.charged, settle_hold.state
    from public.credit_holds
    where id = p_hold_id;
  end if;
  settle_hold.balance := account.balance;
  settle_hold.available := account.balance - account.held;
end
$$;

comment on function private.settle_hold(uuid, integer, text, text, integer, integer, text, jsonb) is
  'Charge what was used, at most what was held. Only the first resolution of a hold moves credits; later calls tell its result.';

create function private.release_hold(p_hold_id uuid, p_state text default 'released') returns boolean
language plpgsql
security definer
set search_path = ''
as $$
declare
  owner_id uuid;
begin
  if p_state not in ('released', 'expired') then
    raise exception 'a hold is released or it expires' using errcode = 'invalid_parameter_value';
  end if;
  select user_id into owner_id from public.credit_holds where id = p_hold_id;
  perform from public.credit_accounts where user_id = owner_id for update;
  if private.resolve_hold(p_hold_id, p_state, 0) is null then
    return false;
  end if;
  update public.credit_accounts
  set held = held - (select credits from public.credit_holds where id = p_hold_id), updated_at = now()
  where user_id = owner_id;
  return true;
end
$$;

comment on function private.release_hold(uuid, text) is
  'Give a hold back uncharged; false when it was resolved already.';

create function private.expire_holds(p_limit integer default 1000) returns integer
language plpgsql
security definer
set search_path = ''
as $$
declare
  hold_id uuid;
  expired integer := 0;
begin
  for hold_id in
    select id from public.credit_holds where state = 'held' and expires_at < now() order by user_id, id limit p_limit
  loop
    if private.release_hold(hold_id, 'expired') then
      expired := expired + 1;
    end if;
  end loop;
  return expired;
end
$$;

comment on function private.expire_holds(integer) is
  'The second net: holds whose request died without settling. Shares the one resolution with settle and release.';

revoke execute on function
  private.grant_credits(uuid, integer, text, text, jsonb),
  private.hold_credits(uuid, integer, integer),
  private.resolve_hold(uuid, text, integer),
  private.settle_hold(uuid, integer, text, text, integer, integer, text, jsonb),
  private.release_hold(uuid, text),
  private.expire_holds(integer)
from public;
grant execute on function
  private.hold_credits(uuid, integer, integer),
  private.settle_hold(uuid, integer, text, text, integer, integer, text, jsonb),
  private.release_hold(uuid, text)
to zmarty_api;

alter table public.credit_accounts enable row level security;
alter table public.credits_ledger enable row level security;
alter table public.credit_holds enable row level security;
revoke all on public.credit_accounts, public.credits_ledger, public.credit_holds, public.credit_balance
  from anon, authenticated;

-- Owners and the API read; only the verbs above write.
grant select on public.credit_accounts, public.credits_ledger, public.credit_holds, public.credit_balance
  to authenticated, zmarty_api;
create policy owner_reads on public.credit_accounts for select to authenticated using ((select auth.uid()) = user_id);
create policy owner_reads on public.credits_ledger for select to authenticated using ((select auth.uid()) = user_id);
create policy owner_reads on public.credit_holds for select to authenticated using ((select auth.uid()) = user_id);
create policy api_reads on public.credit_accounts for select to zmarty_api using (true);
create policy api_reads on public.credits_ledger for select to zmarty_api using (true);
create policy api_reads on public.credit_holds for select to zmarty_api using (true);
