-- Signals, how each one ended, and how often such signals were right. Signals never change; outcomes carry their rule.
set local lock_timeout = '5s';

create table public.signals (
  id uuid primary key default gen_random_uuid(),
  symbol text not null,
  timeframe text not null,
  opened_at timestamptz not null,
  strategy_version text not null,
  origin text not null constraint signals_origin_known check (origin in ('live', 'backfill')),
  direction text not null constraint signals_direction_known check (direction in ('long', 'short', 'flat')),
  score double precision not null constraint signals_score_bounded check (score between -1 and 1),
  strength integer not null constraint signals_strength_bounded check (strength between 1 and 100),
  confidence double precision constraint signals_confidence_bounded check (confidence between 0 and 1),
  entry_price numeric not null constraint signals_entry_positive check (entry_price > 0),
  targets numeric[] not null default '{}',
  stop_price numeric constraint signals_stop_positive check (stop_price > 0),
  risk_reward double precision,
  expected_value double precision,
  verdict text not null constraint signals_verdict_known check (verdict in ('act', 'watch', 'no_edge')),
  components jsonb not null default '{}',
  reasons jsonb not null default '[]',
  expires_at timestamptz not null,
  created_at timestamptz not null default now(),
  constraint signals_once_per_candle unique (symbol, timeframe, opened_at, strategy_version),
  constraint signals_directed_have_levels
    check (direction = 'flat' or (confidence is not null and stop_price is not null and cardinality(targets) > 0))
);

comment on column public.signals.confidence is
  'Probability that the first target comes before the stop. Null where nothing is claimed: a flat signal.';
comment on column public.signals.expected_value is 'Expected return of the trade after costs, as a fraction of the entry price.';

create index signals_newest on public.signals (symbol, timeframe, opened_at desc);

create table public.signal_outcomes (
  signal_id uuid not null references public.signals (id) on delete cascade,
  horizon text not null,
  label_version text not null,
  barrier text not null constraint signal_outcomes_barrier_known check (barrier in ('target', 'stop', 'expiry')),
  ambiguous boolean not null,
  return_net double precision not null,
  r_multiple double precision not null,
  mfe double precision not null,
  mae double precision not null,
  closed_at timestamptz not null,
  judged_at timestamptz not null default now(),
  primary key (signal_id, horizon, label_version)
);

comment on table public.signal_outcomes is
  'Which barrier a signal met first within a horizon. Returns, mfe and mae are fractions of the entry price.';

create table public.win_rate (
  symbol text not null,
  timeframe text not null,
  strategy_version text not null,
  direction text not null constraint win_rate_direction_known check (direction in ('long', 'short', 'all')),
  horizon text not null,
  lookback_days integer not null constraint win_rate_lookback_positive check (lookback_days > 0),
  origin text not null constraint win_rate_origin_known check (origin in ('live', 'backfill', 'all')),
  n integer not null constraint win_rate_n_counted check (n >= 0),
  n_effective double precision not null,
  wins integer not null,
  losses integer not null,
  expired integer not null,
  rate double precision,
  low double precision,
  high double precision,
  baseline double precision,
  expectancy double precision,
  profit_factor double precision,
  computed_at timestamptz not null default now(),
  primary key (symbol, timeframe, strategy_version, direction, horizon, lookback_days, origin),
  constraint win_rate_adds_up check (wins + losses + expired = n),
  constraint win_rate_interval_holds check (rate is null or (low <= rate and rate <= high))
);

alter table public.signals enable row level security;
alter table public.signal_outcomes enable row level security;
alter table public.win_rate enable row level security;
revoke all on public.signals, public.signal_outcomes, public.win_rate from anon, authenticated;
grant select on public.signals, public.signal_outcomes, public.win_rate to zmarty_api;
grant select, insert on public.signals, public.signal_outcomes to zmarty_worker;
grant select, insert, update on public.win_rate to zmarty_worker;
create policy api_reads on public.signals for select to zmarty_api using (true);
create policy worker_keeps on public.signals to zmarty_worker using (true) with check (true);
create policy api_reads on public.signal_outcomes for select to zmarty_api using (true);
create policy worker_keeps on public.signal_outcomes to zmarty_worker using (true) with check (true);
create policy api_reads on public.win_rate for select to zmarty_api using (true);
create policy worker_keeps on public.win_rate to zmarty_worker using (true) with check (true);
