-- What the worker says of a pair's chart at one candle: trend, volatility, regime, levels, and the season of Bitcoin's risk.
set local lock_timeout = '5s';

select private.refuse_clash(array['market_intelligence']);

create table public.market_intelligence (
  symbol text not null,
  timeframe text not null,
  opened_at timestamptz not null,
  close numeric not null constraint market_intelligence_close_positive check (close > 0),
  trend_direction text not null
    constraint market_intelligence_trend_known check (trend_direction in ('up', 'down', 'sideways')),
  trend_strength double precision not null
    constraint market_intelligence_strength_bounded check (trend_strength between 0 and 100),
  volatility double precision,
  volatility_close double precision,
  relative_volatility double precision,
  regime text constraint market_intelligence_regime_known check (regime in ('trending', 'ranging', 'volatile', 'quiet')),
  season text
    constraint market_intelligence_season_known check (season in ('accumulation', 'neutral', 'distribution')),
  levels jsonb not null default '[]',
  indicators jsonb not null default '{}',
  computed_at timestamptz not null default now(),
  primary key (symbol, timeframe, opened_at)
);

comment on table public.market_intelligence is 'The analysis of each candle that was the newest when it was analysed.';
comment on column public.market_intelligence.volatility is 'Yang–Zhang, annualised, 1 = 100 %; volatility_close is the same from closes alone.';
comment on column public.market_intelligence.relative_volatility is 'Volatility over its own median of the last bars; 1 is as usual.';
comment on column public.market_intelligence.season is 'From the risk metric of Bitcoin as known at the close; null where there is none.';

create index market_intelligence_computed on public.market_intelligence (computed_at);

alter table public.market_intelligence enable row level security;
revoke all on public.market_intelligence from anon, authenticated;
grant select on public.market_intelligence to zmarty_api;
grant select, insert, update on public.market_intelligence to zmarty_worker;
create policy api_reads on public.market_intelligence for select to zmarty_api using (true);
create policy worker_keeps on public.market_intelligence to zmarty_worker using (true) with check (true);
