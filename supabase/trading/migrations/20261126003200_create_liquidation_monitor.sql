-- What the newest map threatens at the newest price, one row a symbol; and who asked for a map last.
set local lock_timeout = '5s';

select private.refuse_clash(array['liquidation_monitor', 'cluster_asks']);

create table public.liquidation_monitor (
  symbol text primary key,
  source text not null,
  observed_at timestamptz not null,
  confidence double precision,
  link text,
  price numeric not null constraint liquidation_monitor_price_positive check (price > 0),
  price_at timestamptz not null,
  nearest_above jsonb,
  nearest_below jsonb,
  hits jsonb not null default '[]',
  cascade_risk double precision
    constraint liquidation_monitor_risk_bounded check (cascade_risk between 0 and 100),
  cascade_band text constraint liquidation_monitor_band_known check (cascade_band in ('high', 'medium', 'low', 'none')),
  cascade_parts jsonb not null,
  pattern text constraint liquidation_monitor_pattern_known
    check (pattern in ('long_squeeze', 'short_squeeze', 'pull_up', 'pull_down', 'balanced')),
  pattern_parts jsonb not null,
  distances jsonb not null,
  computed_at timestamptz not null
);

comment on table public.liquidation_monitor is
  'One row a symbol, rewritten with each map and each judged candle: as many rows as there are instruments. Not a history.';
comment on column public.liquidation_monitor.cascade_risk is
  '0 to 100; null where no cluster of the map says how much it holds.';
comment on column public.liquidation_monitor.price_at is 'When the candle closed that the price is from.';

create table public.cluster_asks (
  symbol text not null,
  source text not null,
  asked_at timestamptz not null,
  primary key (symbol, source)
);

comment on table public.cluster_asks is
  'When a source was last asked for a symbol''s map, so that nobody asks it twice for the same one. A row for each symbol and source.';

alter table public.liquidation_monitor enable row level security;
alter table public.cluster_asks enable row level security;
revoke all on public.liquidation_monitor, public.cluster_asks from anon, authenticated;
grant select on public.liquidation_monitor to zmarty_api;
grant select, insert, update on public.liquidation_monitor, public.cluster_asks to zmarty_worker;
create policy api_reads on public.liquidation_monitor for select to zmarty_api using (true);
create policy worker_keeps on public.liquidation_monitor to zmarty_worker using (true) with check (true);
create policy worker_keeps on public.cluster_asks to zmarty_worker using (true) with check (true);
