-- name: newest_risk_metric
-- An operator's anchors tell more than what is fitted to the history alone.
select observed_on, source, value, band, rarity, price::double precision as price, known_at
from risk_metric
where symbol = $1::text
order by observed_on desc, array_position(array['anchors', 'regression', 'percentile'], source)
limit 1;

-- name: begin_simulation
-- A worker that takes over from one that died begins the same simulation again.
insert into simulations (id, user_id, kind, symbol, timeframe, request)
select $1::uuid, jobs.user_id, $2::text, $3::text, $4::text, $5::jsonb
from jobs
where jobs.id = $1::uuid
on conflict (id) do update set updated_at = now();

-- name: end_simulation
update simulations
set state = $2::text,
    summary = $3::jsonb,
    curve = $4::jsonb,
    trades_count = $5::integer,
    error = $6::text,
    ended_at = now(),
    updated_at = now()
where id = $1::uuid and ended_at is null
returning id;

-- name: save_trades
insert into simulation_trades (
  simulation_id, number, direction, kind, confidence, verdict, opened_at, entered_at, entry_price, paid_price, stop_price,
  target_price, exited_at, exit_price, reason, ambiguous, bars, units, notional, return_net, r_multiple, pnl, mfe, mae
)
select
  $1::uuid, number, direction, kind, confidence, verdict, opened_at, entered_at, entry_price, paid_price, stop_price,
  target_price, exited_at, exit_price, reason, ambiguous, bars, units, notional, return_net, r_multiple, pnl, mfe, mae
from jsonb_to_recordset($2::jsonb) as traded (
  number integer, direction text, kind text, confidence double precision, verdict text, opened_at timestamptz,
  entered_at timestamptz, entry_price double precision, paid_price double precision, stop_price double precision,
  target_price double precision, exited_at timestamptz, exit_price double precision, reason text, ambiguous boolean,
  bars integer, units double precision, notional double precision, return_net double precision,
  r_multiple double precision, pnl double precision, mfe double precision, mae double precision
)
order by number;
