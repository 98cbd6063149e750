-- name: newest_signal_opened_at
select max(opened_at)
from signals
where symbol = $1::text and timeframe = $2::text and strategy_version = $3::text;

-- name: readings_between
select source, opened_at, data
from indicators
where symbol = $1::text
  and timeframe = $2::text
  and source = any($3::text[])
  and opened_at between $4::timestamptz and $5::timestamptz
order by opened_at;

-- name: risk_between
-- As it was known then. A symbol's source may change from one day to the next; two of one day, and the anchored one counts.
select distinct on (observed_on) value, known_at
from risk_metric
where symbol = $1::text and known_at between $2::timestamptz and $3::timestamptz
order by observed_on, array_position(array['anchors', 'regression', 'percentile'], source);

-- name: judged_signals
-- The record that confidence learns from: outcomes within the horizon that signals of this timeframe expire by.
select
  signals.opened_at,
  signals.direction,
  signals.score,
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
  and signals.opened_at <= $4::timestamptz
  and signal_outcomes.horizon = $5::text
  and signal_outcomes.label_version = $6::text
order by signals.opened_at desc
limit $7::integer;

-- name: unjudged_signals
-- Directed signals since the first candle at hand whose outcome is not kept yet.
select
  signals.opened_at,
  signals.direction,
  signals.score,
  signals.entry_price::double precision as entry_price,
  signals.stop_price::double precision as stop_price,
  signals.targets[1]::double precision as target_price
from signals
where signals.symbol = $1::text
  and signals.timeframe = $2::text
  and signals.strategy_version = $3::text
  and signals.direction <> 'flat'
  and signals.opened_at between $4::timestamptz and $5::timestamptz
  and not exists (
    select
    from signal_outcomes
    where signal_outcomes.signal_id = signals.id
      and signal_outcomes.horizon = $6::text
      and signal_outcomes.label_version = $7::text
  )
order by signals.opened_at
limit $8::integer;

-- name: save_signals
-- A redelivered message must not produce a second signal for the same candle, and what was once said stays said.
with saved as (
  insert into signals (
    symbol, timeframe, opened_at, strategy_version, origin, direction, score, strength, confidence, entry_price,
    targets, stop_price, risk_reward, expected_value, verdict, regime, components, calibration, reasons, expires_at
  )
  select
    symbol, timeframe, opened_at, strategy_version, origin, direction, score, strength, confidence, entry_price,
    targets, stop_price, risk_reward, expected_value, verdict, regime, components, calibration, reasons, expires_at
  from jsonb_to_recordset($1::jsonb) as said (
    symbol text, timeframe text, opened_at timestamptz, strategy_version text, origin text, direction text,
    score double precision, strength integer, confidence double precision, entry_price numeric, targets numeric[],
    stop_price numeric, risk_reward double precision, expected_value double precision, verdict text,
    regime text, components jsonb, calibration jsonb, reasons jsonb, expires_at timestamptz
  )
  -- In key order, so that two workers that save the same pair wait for each other instead of deadlocking.
  order by symbol, timeframe, opened_at
  on conflict (symbol, timeframe, opened_at, strategy_version) do nothing
  returning id
)
select count(*) from saved;
