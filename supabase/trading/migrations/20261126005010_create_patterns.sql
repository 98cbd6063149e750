-- Patterns on a pair's chart, how each ended, and how often such patterns were right.
set local lock_timeout = '5s';

select private.refuse_clash(array['patterns', 'pattern_effectiveness']);

create table public.patterns (
  id uuid primary key,
  symbol text not null,
  timeframe text not null,
  kind text not null constraint patterns_kind_named check (kind ~ '^[a-z][a-z_]{2,39}$'),
  direction text not null constraint patterns_direction_known check (direction in ('long', 'short')),
  origin text not null constraint patterns_origin_known check (origin in ('live', 'backfill')),
  confidence double precision not null constraint patterns_confidence_bounded check (confidence between 0.6 and 1),
  started_at timestamptz not null,
  ended_at timestamptz not null,
  detected_opened_at timestamptz not null,
  price_levels jsonb not null,
  bars jsonb not null,
  fits jsonb not null default '{}',
  expires_at timestamptz not null,
  over_at timestamptz,
  barrier text constraint patterns_barrier_known check (barrier in ('target', 'stop', 'expiry')),
  ambiguous boolean,
  return_net double precision,
  r_multiple double precision,
  mfe double precision,
  mae double precision,
  closed_at timestamptz,
  baseline double precision constraint patterns_baseline_bounded check (baseline between 0 and 1),
  label_version text,
  created_at timestamptz not null default now(),
  constraint patterns_told_once unique (symbol, timeframe, kind, started_at),
  constraint patterns_run_forward check (started_at <= ended_at and ended_at <= detected_opened_at),
  constraint patterns_judged_whole check ((barrier is null) = (return_net is null) and (barrier is null) = (label_version is null))
);

comment on table public.patterns is
  'Pair, kind and first bar name a pattern, and its id is made of them: found again on the next candle, it is the same row.';
comment on column public.patterns.over_at is 'Opening time of the candle that reached the target or the invalidation.';
comment on column public.patterns.barrier is 'Null until its horizon has passed; then which of target, invalidation and expiry came first.';
comment on column public.patterns.baseline is 'How often the same trade, entered on other bars of the period, reached its target.';

create index patterns_active on public.patterns (symbol, expires_at desc);
create index patterns_unjudged on public.patterns (symbol, timeframe, detected_opened_at) where barrier is null;

create table public.pattern_effectiveness (
  symbol text not null,
  timeframe text not null,
  kind text not null,
  direction text not null constraint pattern_effectiveness_direction_known check (direction in ('long', 'short', 'all')),
  origin text not null constraint pattern_effectiveness_origin_known check (origin in ('live', 'backfill', 'all')),
  horizon text not null,
  n integer not null constraint pattern_effectiveness_n_counted check (n > 0),
  n_effective double precision not null,
  wins integer not null,
  losses integer not null,
  expired integer not null,
  rate double precision not null,
  low double precision not null,
  high double precision not null,
  baseline double precision,
  expectancy double precision not null,
  profit_factor double precision,
  since timestamptz not null,
  computed_at timestamptz not null default now(),
  primary key (symbol, timeframe, kind, direction, origin),
  constraint pattern_effectiveness_adds_up check (wins + losses + expired = n),
  constraint pattern_effectiveness_interval_holds check (low <= rate and rate <= high)
);

comment on table public.pattern_effectiveness is
  'How often judged patterns of a kind reached their target before their invalidation; never a rate without its n.';
comment on column public.pattern_effectiveness.since is 'When the first pattern that counts here was detected.';

alter table public.patterns enable row level security;
alter table public.pattern_effectiveness enable row level security;
revoke all on public.patterns, public.pattern_effectiveness from anon, authenticated;
grant select on public.patterns, public.pattern_effectiveness to zmarty_api;
grant select, insert, update on public.patterns, public.pattern_effectiveness to zmarty_worker;
create policy api_reads on public.patterns for select to zmarty_api using (true);
create policy worker_keeps on public.patterns to zmarty_worker using (true) with check (true);
create policy api_reads on public.pattern_effectiveness for select to zmarty_api using (true);
create policy worker_keeps on public.pattern_effectiveness to zmarty_worker using (true) with check (true);
