-- The newest word of each source on each symbol, and when that is asked again: one row for all timeframes and workers.
set local lock_timeout = '5s';

select private.refuse_clash(array['context_readings']);

create table public.context_readings (
  source text not null constraint context_readings_source_named check (source ~ '^[a-z][a-z0-9_]{0,39}$'),
  symbol text not null,
  timeframe text not null,
  due_at timestamptz not null,
  asked_at timestamptz not null,
  answered_at timestamptz,
  observed_at timestamptz,
  data jsonb constraint context_readings_data_bounded check (pg_column_size(data) <= 65536),
  failure text,
  primary key (source, symbol, timeframe),
  constraint context_readings_answered_whole check ((observed_at is null) = (answered_at is null)),
  constraint context_readings_data_observed check (data is null or observed_at is not null)
);

comment on table public.context_readings is
  'One row a question. An empty timeframe: the same for all of them; an empty symbol: the whole market, whose data are in market_snapshots. Rows nobody asks for a month go.';
comment on column public.context_readings.due_at is
  'Before this nobody asks again. Whoever asks moves it first, so that many workers ask once.';
comment on column public.context_readings.data is 'The last good answer; a failure leaves it standing, and its age shows.';

create index context_readings_of_symbol on public.context_readings (symbol, timeframe);

alter table public.context_readings enable row level security;
revoke all on public.context_readings from anon, authenticated;
grant select on public.context_readings to zmarty_api;
grant select, insert, update on public.context_readings to zmarty_worker;
create policy api_reads on public.context_readings for select to zmarty_api using (true);
create policy worker_keeps on public.context_readings to zmarty_worker using (true) with check (true);
