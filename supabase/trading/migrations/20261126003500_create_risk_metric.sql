-- The risk of each day, from what was known at that day's close.
set local lock_timeout = '5s';

select private.refuse_clash(array['risk_metric']);

create table public.risk_metric (
  symbol text not null,
  observed_on date not null,
  source text not null constraint risk_metric_source_known check (source in ('anchors', 'regression', 'percentile')),
  value double precision not null constraint risk_metric_value_bounded check (value between 0 and 1),
  band integer not null constraint risk_metric_band_bounded check (band between 0 and 9),
  rarity double precision not null constraint risk_metric_rarity_bounded check (rarity between 1 and 1.6),
  days integer not null constraint risk_metric_days_counted check (days > 0),
  price numeric not null constraint risk_metric_price_positive check (price > 0),
  known_at timestamptz not null,
  primary key (symbol, observed_on, source)
);

comment on table public.risk_metric is
  'One row a symbol and day, as it was known then; never changed afterwards. 365 rows a year and symbol; kept.';
comment on column public.risk_metric.source is
  'anchors (an operator''s curve), else regression (distance from the own log-price trend), else percentile of the history.';
comment on column public.risk_metric.days is 'How many daily closes value and rarity rest on.';
comment on column public.risk_metric.known_at is 'The close of the day: nothing later is in the row.';

alter table public.risk_metric enable row level security;
revoke all on public.risk_metric from anon, authenticated;
grant select on public.risk_metric to zmarty_api;
grant select, insert on public.risk_metric to zmarty_worker;
create policy api_reads on public.risk_metric for select to zmarty_api using (true);
create policy worker_keeps on public.risk_metric to zmarty_worker using (true) with check (true);
