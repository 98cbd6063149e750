-- What vendors tell about the whole market at once, with its history of two weeks.
set local lock_timeout = '5s';

select private.refuse_clash(array['market_snapshots']);

create table public.market_snapshots (
  source text not null constraint market_snapshots_source_named check (source ~ '^[a-z][a-z0-9_]{0,39}$'),
  observed_at timestamptz not null,
  vendor text not null,
  data jsonb not null constraint market_snapshots_data_bounded check (pg_column_size(data) <= 524288),
  taken_at timestamptz not null default now(),
  primary key (source, observed_at)
);

comment on table public.market_snapshots is
  'Market-wide answers by source: tables by pair or coin, and lists. Written by observe_market, kept for 14 days.';
comment on column public.market_snapshots.observed_at is
  'When it held: the vendor''s own time where it gives one, else when it answered.';

create index market_snapshots_oldest on public.market_snapshots (observed_at);

alter table public.market_snapshots enable row level security;
revoke all on public.market_snapshots from anon, authenticated;
grant select on public.market_snapshots to zmarty_api;
grant select, insert on public.market_snapshots to zmarty_worker;
create policy api_reads on public.market_snapshots for select to zmarty_api using (true);
create policy worker_keeps on public.market_snapshots to zmarty_worker using (true) with check (true);
