-- What users watch. Clients may write it directly, so the rules live in the database: canonical form, owner, limit, mirror.
set local lock_timeout = '5s';

create table public.user_symbols (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null default auth.uid() references auth.users (id) on delete cascade,
  symbol text not null,
  timeframe text not null
    constraint user_symbols_timeframe_known check (timeframe in ('1m', '5m', '15m', '30m', '1h', '4h', '1d', '1w')),
  strategy jsonb not null default '{}' constraint user_symbols_strategy_bounded check (pg_column_size(strategy) <= 4096),
  active boolean not null default true,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint user_symbols_once unique (user_id, symbol, timeframe)
);

create function private.canonical_symbol(written text) returns text
language plpgsql
immutable
set search_path = ''
as $$
declare
  bare text := upper(btrim(written));
  parts text[];
  quote text;
begin
  if bare is null or char_length(bare) not between 1 and 20 then
    raise exception 'symbol: must have 1 to 20 characters, like BTC/USDT' using errcode = 'ZM002';
  end if;
  if bare ~ '(:[A-Z0-9]*|\.P|[-_/]?PERP)$' then
    raise exception 'symbol: % names a derivative; Zmarty watches spot pairs such as BTC/USDT', bare
      using errcode = 'ZM002';
  end if;
  parts := regexp_split_to_array(bare, '[/_-]');
  if cardinality(parts) <> 2 then
    parts := array[bare, 'USDT'];
    foreach quote in array array['FDUSD', 'USDT', 'USDC', 'USD', 'EUR', 'BTC', 'ETH', 'BNB'] loop
      if bare like '%_' || quote then
        parts := array[left(bare, -char_length(quote)), quote];
        exit;
      end if;
    end loop;
  end if;
  if parts[1] !~ '^[A-Z0-9]{2,12}$' or parts[2] !~ '^[A-Z0-9]{2,12}$' then
    raise exception 'symbol: must be BASE/QUOTE, each of 2 to 12 letters or digits, like BTC/USDT'
      using errcode = 'ZM002';
  end if;
  return parts[1] || '/' || parts[2];
end
$$;

comment on function private.canonical_symbol(text) is
  'The same rules as zmarty.market.Symbol.parse, for clients that write directly; a test holds both to the same answers.';

create function private.guard_user_symbol() returns trigger
language plpgsql
security definer
set search_path = ''
as $$
declare
  limit_of_tier integer;
  name_of_tier text;
  watched integer;
begin
  new.symbol := private.canonical_symbol(new.symbol);
  new.updated_at := now();
  if tg_op = 'UPDATE' and new.user_id is distinct from old.user_id then
    raise exception 'user_id: a watched symbol cannot change its owner' using errcode = 'check_violation';
  end if;
  if new.active and (tg_op = 'INSERT' or not old.active) then
    -- Serialises one user's additions, so that two at once cannot both take the last place.
    select tiers.symbols_max, tiers.tier
    into limit_of_tier, name_of_tier
    from public.profiles
    join public.tiers using (tier)
    where profiles.user_id = new.user_id
    for update of profiles;
    select count(*) into watched
    from public.user_symbols
    where user_symbols.user_id = new.user_id and user_symbols.active and user_symbols.id <> new.id;
    if watched >= coalesce(limit_of_tier, 0) then
      raise exception 'symbol: the % plan watches at most % symbols', coalesce(name_of_tier, 'missing'), coalesce(limit_of_tier, 0)
        using errcode = 'ZM001', hint = 'Stop watching one, or choose a larger plan.';
    end if;
  end if;
  return new;
end
$$;

create trigger guard_user_symbol before insert or update on public.user_symbols
for each row execute function private.guard_user_symbol();

create function private.relay_user_symbol() returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  -- The form of Supabase's database webhooks: record is null on DELETE, old_record is null on INSERT.
  insert into public.outbox (user_id, payload)
  values (
    coalesce(new.user_id, old.user_id),
    jsonb_build_object(
      'type', tg_op,
      'table', tg_table_name,
      'schema', tg_table_schema,
      'record', case when tg_op = 'DELETE' then null else to_jsonb(new) end,
      'old_record', case when tg_op = 'INSERT' then null else to_jsonb(old) end
    )
  );
  return null;
end
$$;

create trigger relay_user_symbol after insert or update or delete on public.user_symbols
for each row execute function private.relay_user_symbol();

revoke execute on function
  private.canonical_symbol(text), private.guard_user_symbol(), private.relay_user_symbol()
from public;

alter table public.user_symbols enable row level security;
revoke all on public.user_symbols from anon, authenticated;
grant select, delete on public.user_symbols to authenticated;
grant insert (user_id, symbol, timeframe, strategy, active) on public.user_symbols to authenticated;
grant update (symbol, timeframe, strategy, active) on public.user_symbols to authenticated;
create policy owner_reads on public.user_symbols for select to authenticated using ((select auth.uid()) = user_id);
create policy owner_inserts on public.user_symbols for insert to authenticated with check ((select auth.uid()) = user_id);
create policy owner_updates on public.user_symbols for update to authenticated
  using ((select auth.uid()) = user_id) with check ((select auth.uid()) = user_id);
create policy owner_deletes on public.user_symbols for delete to authenticated using ((select auth.uid()) = user_id);
grant select on public.user_symbols to zmarty_worker;
create policy worker_reads on public.user_symbols for select to zmarty_worker using (true);
