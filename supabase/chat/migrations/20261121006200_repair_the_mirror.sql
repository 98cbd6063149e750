-- How reconcile mends the mirror: it has the truth sent again. It writes here alone, never in the trading database.
set local lock_timeout = '5s';

create function private.outrun_version(p_version bigint) returns void
language plpgsql
set search_path = ''
as $$
declare
  steps_max constant bigint := 1000;
  ids constant regclass := pg_catalog.pg_get_serial_sequence('public.outbox', 'id');
  behind bigint;
begin
  -- After a restore from a backup the trading database can hold versions that this sequence has not given out yet.
  select p_version - coalesce(last_value, 0) into behind from pg_catalog.pg_sequences
  where schemaname = 'public' and format('%I.%I', schemaname, sequencename)::regclass = ids;
  if behind > steps_max then
    perform pg_catalog.setval(ids, p_version);
  elsif behind > 0 then
    -- Step by step: others take numbers meanwhile, and a sequence must not go back behind them.
    perform pg_catalog.nextval(ids) from generate_series(1, behind);
  end if;
end
$$;

create function private.repair_watchers(p_user_id uuid, p_symbols text[], p_timeframes text[], p_version bigint)
returns integer
language plpgsql
security definer
set search_path = ''
as $$
declare
  written integer;
  written_as_gone integer;
begin
  perform private.outrun_version(p_version);
  -- Locked, so that a change that is under way is either seen here or comes after us, with a greater id.
  perform from public.user_symbols where user_id = p_user_id for update;
  -- Additions take turns by the profile; without it one could be under way that we take for missing.
  perform from public.profiles where user_id = p_user_id for update;
  insert into public.outbox (user_id, payload)
  select
    p_user_id,
    jsonb_build_object(
      'type', 'UPDATE', 'table', 'user_symbols', 'schema', 'public',
      'record', to_jsonb(watched), 'old_record', to_jsonb(watched)
    )
  from public.user_symbols as watched
  join unnest(p_symbols, p_timeframes) as asked (symbol, timeframe) using (symbol, timeframe)
  where watched.user_id = p_user_id
  order by symbol, timeframe;
  get diagnostics written = row_count;
  insert into public.outbox (user_id, payload)
  select
    p_user_id,
    jsonb_build_object(
      'type', 'DELETE', 'table', 'user_symbols', 'schema', 'public', 'record', null,
      'old_record', jsonb_build_object('user_id', p_user_id, 'symbol', asked.symbol, 'timeframe', asked.timeframe)
    )
  from unnest(p_symbols, p_timeframes) as asked (symbol, timeframe)
  where not exists (
    select
    from public.user_symbols as watched
    where watched.user_id = p_user_id and watched.symbol = asked.symbol and watched.timeframe = asked.timeframe
  )
  order by asked.symbol, asked.timeframe;
  get diagnostics written_as_gone = row_count;
  return written + written_as_gone;
end
$$;

comment on function private.repair_watchers(uuid, text[], text[], bigint) is
  'Send these pairs of a user again as they are here, with versions beyond p_version; returns how many.';

create function private.repair_reference(p_user_id uuid, p_version bigint) returns void
language plpgsql
security definer
set search_path = ''
as $$
begin
  perform private.outrun_version(p_version);
  perform private.mark_reference(p_user_id);
end
$$;

comment on function private.repair_reference(uuid, bigint) is
  'Have the user mirrored with the next round, with a version beyond p_version.';

create function private.retry_parked(p_rows_max integer default 10000) returns integer
language plpgsql
security definer
set search_path = ''
as $$
declare
  retried integer;
begin
  update public.outbox
  set parked_at = null, attempts = 0, due_at = now(), last_error = null
  where id in (
    select id from public.outbox where parked_at is not null order by id limit p_rows_max for update skip locked
  );
  get diagnostics retried = row_count;
  perform pg_catalog.pg_notify('zmarty_outbox', '');
  return retried;
end
$$;

comment on function private.retry_parked(integer) is 'Try the parked outbox rows again, oldest first; returns how many.';

revoke execute on function
  private.outrun_version(bigint),
  private.repair_watchers(uuid, text[], text[], bigint),
  private.repair_reference(uuid, bigint),
  private.retry_parked(integer)
from public;
grant execute on function
  private.repair_watchers(uuid, text[], text[], bigint),
  private.repair_reference(uuid, bigint)
to zmarty_worker;
