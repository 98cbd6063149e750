-- What clients hear of live: a small row for each change, written in its transaction by triggers, so no writer forgets.
set local lock_timeout = '5s';

select private.refuse_clash(array['events']);

create table public.events (
  xid xid8 not null default pg_current_xact_id(),
  id bigint generated always as identity,
  type text not null
    constraint events_type_known check (type in ('watcher', 'candle', 'signal', 'win_rate', 'job')),
  user_id uuid,
  symbol text,
  timeframe text,
  data jsonb not null default '{}',
  created_at timestamptz not null default now(),
  primary key (xid, id)
);

comment on table public.events is
  'Hints to fetch again, not the data. Read in the order (xid, id) and only below pg_snapshot_xmin: what lies there is complete.';
comment on column public.events.user_id is
  'Whose row it tells of. Null: it concerns whoever watches symbol and timeframe; without a symbol, operators.';

create table private.trimmed_events (
  is_only boolean primary key default true constraint trimmed_events_one_row check (is_only),
  xid xid8 not null,
  id bigint not null
);

comment on table private.trimmed_events is 'Up to where events were removed; who stands before it has missed some.';
insert into private.trimmed_events (xid, id) values ('0', 0);

alter table public.events enable row level security;
alter table private.trimmed_events enable row level security;
revoke all on public.events from anon, authenticated;
grant select on public.events to zmarty_api;
grant select on private.trimmed_events to zmarty_api;
create policy api_reads on public.events for select to zmarty_api using (true);
create policy api_reads on private.trimmed_events for select to zmarty_api using (true);

-- The triggers. Each works for each statement, so a batch of two thousand candles tells once, and each is a definer, so
-- that writers need no right to write events. One row and one NOTIFY for each pair, user or job that the statement changed.

create function private.tell_candles() returns trigger
language plpgsql
security definer
set search_path = ''
set timezone = 'UTC'
as $$
declare
  told record;
begin
  for told in
    insert into public.events (type, symbol, timeframe, data)
    select
      'candle', symbol, timeframe,
      jsonb_build_object('opened_at', max(opened_at), 'first_opened_at', min(opened_at), 'count', count(*))
    from changed
    group by symbol, timeframe
    returning symbol, timeframe
  loop
    perform pg_catalog.pg_notify('zmarty_changed', tg_table_name || ':' || told.symbol || ' ' || told.timeframe);
  end loop;
  return null;
end
$$;

create function private.tell_signals() returns trigger
language plpgsql
security definer
set search_path = ''
set timezone = 'UTC'
as $$
declare
  told record;
begin
  for told in
    insert into public.events (type, symbol, timeframe, data)
    select
      'signal', symbol, timeframe,
      jsonb_build_object(
        'opened_at', max(opened_at),
        'origin', case when bool_or(origin = 'live') then 'live' else 'backfill' end,
        'count', count(*)
      )
    from changed
    group by symbol, timeframe
    returning symbol, timeframe
  loop
    perform pg_catalog.pg_notify('zmarty_changed', tg_table_name || ':' || told.symbol || ' ' || told.timeframe);
  end loop;
  return null;
end
$$;

create function private.tell_win_rates() returns trigger
language plpgsql
security definer
set search_path = ''
set timezone = 'UTC'
as $$
declare
  told record;
begin
  for told in
    insert into public.events (type, symbol, timeframe, data)
    select 'win_rate', symbol, timeframe, jsonb_build_object('computed_at', max(computed_at), 'count', count(*))
    from changed
    group by symbol, timeframe
    returning symbol, timeframe
  loop
    perform pg_catalog.pg_notify('zmarty_changed', tg_table_name || ':' || told.symbol || ' ' || told.timeframe);
  end loop;
  return null;
end
$$;

create function private.tell_watchers() returns trigger
language plpgsql
security definer
set search_path = ''
set timezone = 'UTC'
as $$
declare
  told record;
begin
  for told in
    insert into public.events (type, user_id, symbol, timeframe, data)
    select
      'watcher', user_id, symbol, timeframe,
      jsonb_build_object('active', active, 'mirror', jsonb_build_object('state', 'mirrored', 'mirrored_at', updated_at))
    from changed
    order by version
    returning user_id
  loop
    perform pg_catalog.pg_notify('zmarty_changed', tg_table_name || ':' || told.user_id);
  end loop;
  return null;
end
$$;

create function private.tell_new_jobs() returns trigger
language plpgsql
security definer
set search_path = ''
set timezone = 'UTC'
as $$
declare
  told record;
begin
  for told in
    insert into public.events (type, user_id, data)
    select
      'job', user_id,
      jsonb_build_object(
        'id', id, 'kind', kind, 'state', state, 'progress', progress,
        'cancel_requested', cancel_requested_at is not null
      )
    from changed
    returning data ->> 'id' as id
  loop
    perform pg_catalog.pg_notify('zmarty_changed', tg_table_name || ':' || told.id);
  end loop;
  return null;
end
$$;

create function private.tell_jobs() returns trigger
language plpgsql
security definer
set search_path = ''
set timezone = 'UTC'
as $$
declare
  told record;
begin
  for told in
    insert into public.events (type, user_id, data)
    select
      'job', changed.user_id,
      jsonb_build_object(
        'id', changed.id, 'kind', changed.kind, 'state', changed.state, 'progress', changed.progress,
        'cancel_requested', changed.cancel_requested_at is not null
      )
    from changed
    join before using (id)
    -- A job may report a thousand steps; whoever watches it hears of each full hundredth.
    where changed.state <> before.state
      or floor(changed.progress * 100) <> floor(before.progress * 100)
      or (changed.cancel_requested_at is null) <> (before.cancel_requested_at is null)
    returning data ->> 'id' as id
  loop
    perform pg_catalog.pg_notify('zmarty_changed', tg_table_name || ':' || told.id);
  end loop;
  return null;
end
$$;

revoke execute on function
  private.tell_candles(), private.tell_signals(), private.tell_win_rates(), private.tell_watchers(),
  private.tell_new_jobs(), private.tell_jobs()
from public;

create trigger tell_inserted after insert on public.candles referencing new table as changed
for each statement execute function private.tell_candles();
create trigger tell_updated after update on public.candles referencing new table as changed
for each statement execute function private.tell_candles();
create trigger tell_inserted after insert on public.signals referencing new table as changed
for each statement execute function private.tell_signals();
create trigger tell_inserted after insert on public.win_rate referencing new table as changed
for each statement execute function private.tell_win_rates();
create trigger tell_updated after update on public.win_rate referencing new table as changed
for each statement execute function private.tell_win_rates();
create trigger tell_inserted after insert on public.watchers referencing new table as changed
for each statement execute function private.tell_watchers();
create trigger tell_updated after update on public.watchers referencing new table as changed
for each statement execute function private.tell_watchers();
create trigger tell_inserted after insert on public.jobs referencing new table as changed
for each statement execute function private.tell_new_jobs();
create trigger tell_updated after update on public.jobs referencing old table as before new table as changed
for each statement execute function private.tell_jobs();

create function private.trim_events() returns integer
language plpgsql
set search_path = ''
as $$
declare
  rows_max constant integer := 100000;
  events_max constant integer := 100000;
  kept constant interval := '12 hours';
  surplus bigint := (select count(*) from public.events) - events_max;
  last_xid xid8;
  last_id bigint;
  removed integer;
begin
  -- A dump restored into another cluster brings places that its transactions have not reached yet.
  delete from public.events where xid >= pg_snapshot_xmax(pg_current_snapshot());
  update private.trimmed_events
  set xid = pg_snapshot_xmin(pg_current_snapshot()), id = 0
  where xid >= pg_snapshot_xmax(pg_current_snapshot());

  select oldest.xid, oldest.id
  into last_xid, last_id
  from (
    select xid, id, created_at, row_number() over (order by xid, id) as place
    from public.events
    where xid < pg_snapshot_xmin(pg_current_snapshot())
    order by xid, id
    limit rows_max
  ) as oldest
  where oldest.created_at < now() - kept or oldest.place <= surplus
  order by oldest.xid desc, oldest.id desc
  limit 1;
  if last_xid is null then
    return 0;
  end if;
  -- The mark before the rows, in one transaction: no reader finds a gap that is not marked.
  update private.trimmed_events set xid = last_xid, id = last_id;
  delete from public.events where (xid, id) <= (last_xid, last_id);
  get diagnostics removed = row_count;
  return removed;
end
$$;

comment on function private.trim_events() is
  'Keep the events of twelve hours and at most a hundred thousand; clients who come from further back are told to fetch anew.';
revoke execute on function private.trim_events() from public;

select cron.schedule('trim-events', '*/10 * * * *', 'select private.trim_events()');
