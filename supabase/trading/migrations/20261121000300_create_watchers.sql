-- Who watches what (mirrored from the chat database by the function watchers-upsert) and how far each pair is ingested.
set local lock_timeout = '5s';

create table public.watchers (
  user_id uuid not null,
  symbol text not null constraint watchers_symbol_canonical check (symbol ~ '^[A-Z0-9]{2,12}/[A-Z0-9]{2,12}$'),
  timeframe text not null
    constraint watchers_timeframe_known check (timeframe in ('1m', '5m', '15m', '30m', '1h', '4h', '1d', '1w')),
  strategy jsonb not null default '{}',
  active boolean not null,
  version bigint not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (user_id, symbol, timeframe)
);

comment on column public.watchers.version is
  'The outbox id of the newest change applied. Only greater ones apply; an inactive row is a tombstone and keeps it.';

create index watchers_active_pairs on public.watchers (symbol, timeframe) where active;

create table public.ingest_state (
  symbol text not null,
  timeframe text not null,
  last_opened_at timestamptz,
  next_due_at timestamptz not null default now(),
  requested_for timestamptz,
  requested_at timestamptz,
  failures integer not null default 0 constraint ingest_state_failures_counted check (failures >= 0),
  last_error text,
  updated_at timestamptz not null default now(),
  primary key (symbol, timeframe)
);

comment on column public.ingest_state.requested_for is
  'The next_due_at that cron has sent a message for, so that one due time sends one message.';

create index ingest_state_due on public.ingest_state (next_due_at);

alter table public.watchers enable row level security;
alter table public.ingest_state enable row level security;
revoke all on public.watchers, public.ingest_state from anon, authenticated;
grant select on public.watchers, public.ingest_state to zmarty_api;
grant select on public.watchers to zmarty_worker;
grant select, insert, update on public.ingest_state to zmarty_worker;
create policy api_reads on public.watchers for select to zmarty_api using (true);
create policy worker_reads on public.watchers for select to zmarty_worker using (true);
create policy api_reads on public.ingest_state for select to zmarty_api using (true);
create policy worker_keeps on public.ingest_state to zmarty_worker using (true) with check (true);
