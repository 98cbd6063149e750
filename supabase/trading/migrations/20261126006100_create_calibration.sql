-- How well confidences were kept: one row for each pair, strategy and direction, counted anew with its win rates.
set local lock_timeout = '5s';

select private.refuse_clash(array['calibration']);

create table public.calibration (
  symbol text not null,
  timeframe text not null,
  strategy_version text not null,
  direction text not null constraint calibration_direction_known check (direction in ('long', 'short', 'all')),
  n integer not null constraint calibration_n_counted check (n >= 0),
  n_effective double precision not null,
  expired integer not null constraint calibration_expired_counted check (expired between 0 and n),
  first_opened_at timestamptz,
  last_opened_at timestamptz,
  mean_confidence double precision,
  mean_share double precision,
  brier double precision,
  brier_base double precision,
  skill double precision,
  brier_earlier double precision,
  brier_recent double precision,
  psi double precision,
  drift text not null constraint calibration_drift_known check (drift in ('none', 'moderate', 'strong', 'unknown')),
  reliability jsonb not null default '[]',
  computed_at timestamptz not null default now(),
  primary key (symbol, timeframe, strategy_version, direction)
);

comment on table public.calibration is
  'Brier score, reliability and drift of the confidences of judged signals; upserted, so it grows with pairs and not with time.';
comment on column public.calibration.mean_share is
  'What happened on average: 1 for a target, 0 for a stop, and for an expiry how far from stop to target it ended.';
comment on column public.calibration.brier_base is
  'The Brier score of the base rate, as it was known when each signal was given.';
comment on column public.calibration.skill is '1 − brier / brier_base: above zero, the confidences said more than the base rate.';
comment on column public.calibration.psi is
  'Population stability index of the strengths, recent against earlier: below 0.1 the same, above 0.25 another population.';

alter table public.calibration enable row level security;
revoke all on public.calibration from anon, authenticated;
grant select on public.calibration to zmarty_api;
grant select, insert, update on public.calibration to zmarty_worker;
create policy api_reads on public.calibration for select to zmarty_api using (true);
create policy worker_keeps on public.calibration to zmarty_worker using (true) with check (true);
