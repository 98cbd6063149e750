-- name: strategies_since
-- Whoever spoke of this pair; the one heard last first.
select strategy_version
from signals
where symbol = $1::text and timeframe = $2::text and opened_at >= $3::timestamptz and direction <> 'flat'
group by strategy_version
order by max(opened_at) desc, strategy_version
limit $4::integer;

-- name: unjudged_signals
-- Flat signals say that there is nothing to do and cannot be right or wrong.
select
  signals.id::text as signal_id,
  signals.opened_at,
  signals.origin,
  signals.direction,
  signals.score,
  signals.confidence,
  (signals.calibration ->> 'base_rate')::double precision as base_rate,
  signals.entry_price::double precision as entry_price,
  signals.stop_price::double precision as stop_price,
  signals.targets[1]::double precision as target_price
from signals
where signals.symbol = $1::text
  and signals.timeframe = $2::text
  and signals.strategy_version = $3::text
  and signals.direction <> 'flat'
  and signals.opened_at <= $4::timestamptz
  and not exists (
    select
    from signal_outcomes
    where signal_outcomes.signal_id = signals.id
      and signal_outcomes.horizon = $5::text
      and signal_outcomes.label_version = $6::text
  )
order by signals.opened_at
limit $7::integer;

-- name: outcomes_since
select
  signals.opened_at,
  signals.origin,
  signals.direction,
  signal_outcomes.barrier,
  signal_outcomes.return_net,
  signal_outcomes.closed_at
from signals
join signal_outcomes on signal_outcomes.signal_id = signals.id
where signals.symbol = $1::text
  and signals.timeframe = $2::text
  and signals.strategy_version = $3::text
  and signals.opened_at >= $4::timestamptz
  and signal_outcomes.horizon = $5::text
  and signal_outcomes.label_version = $6::text
order by signals.opened_at;

-- name: judged_claims
select
  signals.opened_at,
  signals.direction,
  signals.score,
  signals.confidence,
  (signals.calibration ->> 'base_rate')::double precision as base_rate,
  signals.entry_price::double precision as entry_price,
  signals.stop_price::double precision as stop_price,
  signals.targets[1]::double precision as target_price,
  signal_outcomes.barrier,
  signal_outcomes.return_net,
  signal_outcomes.closed_at
from signals
join signal_outcomes on signal_outcomes.signal_id = signals.id
where signals.symbol = $1::text
  and signals.timeframe = $2::text
  and signals.strategy_version = $3::text
  and signal_outcomes.horizon = $4::text
  and signal_outcomes.label_version = $5::text
order by signals.opened_at desc
limit $6::integer;

-- name: save_outcomes
insert into signal_outcomes (
  signal_id, horizon, label_version, barrier, ambiguous, return_net, r_multiple, mfe, mae, closed_at
)
select signal_id, $2::text, $3::text, barrier, ambiguous, return_net, r_multiple, mfe, mae, closed_at
from jsonb_to_recordset($1::jsonb) as judged (
  signal_id uuid, barrier text, ambiguous boolean, return_net double precision, r_multiple double precision,
  mfe double precision, mae double precision, closed_at timestamptz
)
-- In key order, so that two workers that judge the same pair wait for each other instead of deadlocking.
order by signal_id
on conflict (signal_id, horizon, label_version) do nothing;

-- name: save_win_rates
insert into win_rate (
  symbol, timeframe, strategy_version, direction, horizon, lookback_days, origin, n, n_effective, wins, losses, expired,
  rate, low, high, baseline, expectancy, profit_factor, computed_at
)
select
  $1::text, $2::text, $3::text, direction, horizon, lookback_days, origin, n, n_effective, wins, losses, expired,
  rate, low, high, baseline, expectancy, profit_factor, now()
from jsonb_to_recordset($4::jsonb) as tallied (
  direction text, horizon text, lookback_days integer, origin text, n integer, n_effective double precision,
  wins integer, losses integer, expired integer, rate double precision, low double precision, high double precision,
  baseline double precision, expectancy double precision, profit_factor double precision
)
order by direction, horizon, lookback_days, origin
on conflict (symbol, timeframe, strategy_version, direction, horizon, lookback_days, origin) do update set
  n = excluded.n,
  n_effective = excluded.n_effective,
  wins = excluded.wins,
  losses = excluded.losses,
  expired = excluded.expired,
  rate = excluded.rate,
  low = excluded.low,
  high = excluded.high,
  baseline = excluded.baseline,
  expectancy = excluded.expectancy,
  profit_factor = excluded.profit_factor,
  computed_at = excluded.computed_at;

-- name: save_calibrations
insert into calibration (
  symbol, timeframe, strategy_version, direction, n, n_effective, expired, first_opened_at, last_opened_at,
  mean_confidence, mean_share, brier, brier_base, skill, brier_earlier, brier_recent, psi, drift, reliability, computed_at
)
select
  $1::text, $2::text, $3::text, direction, n, n_effective, expired, first_opened_at, last_opened_at,
  mean_confidence, mean_share, brier, brier_base, skill, brier_earlier, brier_recent, psi, drift, reliability, now()
from jsonb_to_recordset($4::jsonb) as counted (
  direction text, n integer, n_effective double precision, expired integer, first_opened_at timestamptz,
  last_opened_at timestamptz, mean_confidence double precision, mean_share double precision, brier double precision,
  brier_base double precision, skill double precision, brier_earlier double precision, brier_recent double precision,
  psi double precision, drift text, reliability jsonb
)
order by direction
on conflict (symbol, timeframe, strategy_version, direction) do update set
  n = excluded.n,
  n_effective = excluded.n_effective,
  expired = excluded.expired,
  first_opened_at = excluded.first_opened_at,
  last_opened_at = excluded.last_opened_at,
  mean_confidence = excluded.mean_confidence,
  mean_share = excluded.mean_share,
  brier = excluded.brier,
  brier_base = excluded.brier_base,
  skill = excluded.skill,
  brier_earlier = excluded.brier_earlier,
  brier_recent = excluded.brier_recent,
  psi = excluded.psi,
  drift = excluded.drift,
  reliability = excluded.reliability,
  computed_at = excluded.computed_at;
