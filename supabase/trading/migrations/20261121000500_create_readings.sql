-- What is known about a candle beside its prices: indicators and vendors' readings by source, and liquidation clusters.
set local lock_timeout = '5s';

create table public.indicators (
  symbol text not null,
  timeframe text not null,
  opened_at timestamptz not null,
  source text not null,
  data jsonb not null,
  observed_at timestamptz not null default now(),
  primary key (symbol, timeframe, opened_at, source)
);

create index indicators_newest on public.indicators (symbol, timeframe, source, opened_at desc);

create table public.liq_clusters (
  id bigint generated always as identity primary key,
  symbol text not null,
  side text not null constraint liq_clusters_side_known check (side in ('above', 'below')),
  price numeric not null constraint liq_clusters_price_positive check (price > 0),
  size text not null constraint liq_clusters_size_known check (size in ('small', 'medium', 'large', 'xlarge')),
  notional numeric constraint liq_clusters_notional_counted check (notional >= 0),
  source text not null,
  observed_at timestamptz not null,
  created_at timestamptz not null default now(),
  constraint liq_clusters_observed_once unique (symbol, source, observed_at, side, price)
);

create index liq_clusters_newest on public.liq_clusters (symbol, observed_at desc);

alter table public.indicators enable row level security;
alter table public.liq_clusters enable row level security;
revoke all on public.indicators, public.liq_clusters from anon, authenticated;
grant select on public.indicators, public.liq_clusters to zmarty_api;
grant select, insert, update on public.indicators to zmarty_worker;
grant select, insert on public.liq_clusters to zmarty_worker;
create policy api_reads on public.indicators for select to zmarty_api using (true);
create policy worker_keeps on public.indicators to zmarty_worker using (true) with check (true);
create policy api_reads on public.liq_clusters for select to zmarty_api using (true);
create policy worker_keeps on public.liq_clusters to zmarty_worker using (true) with check (true);
