-- name: simulations
select id, kind, symbol, timeframe, state, request, trades_count, error, created_at, ended_at
from simulations
where user_id = $1::uuid
  and ($2::text is null or kind = $2::text)
  and ($3::timestamptz is null or (created_at, id) < ($3::timestamptz, $4::uuid))
order by created_at desc, id desc
limit $5::integer;

-- name: simulation
-- Another user's is not found rather than forbidden: its existence is nobody's business.
select id, kind, symbol, timeframe, state, request, trades_count, error, created_at, ended_at, summary, curve
from simulations
where id = $1::uuid and user_id = $2::uuid;

-- name: trades
select
  number, direction, kind, confidence, verdict, opened_at, entered_at, entry_price, paid_price, stop_price, target_price,
  exited_at, exit_price, reason, ambiguous, bars, units, notional, return_net, r_multiple, pnl, mfe, mae
from simulation_trades
where simulation_id = $1::uuid and number > $2::integer
order by number
limit $3::integer;

-- name: newest_trades
select
  number, direction, kind, confidence, verdict, opened_at, entered_at, entry_price, paid_price, stop_price, target_price,
  exited_at, exit_price, reason, ambiguous, bars, units, notional, return_net, r_multiple, pnl, mfe, mae
from simulation_trades
where simulation_id = $1::uuid
order by number desc
limit $2::integer;
