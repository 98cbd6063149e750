-- name: is_known_symbol
select exists (select from instruments where symbol = $1 and active);

-- name: instruments
-- By bytes, so that the order is the same whatever the database's language, and a cursor can go on in it.
select symbol, base, quote
from instruments
where active and starts_with(symbol, $1) and symbol collate "C" > $2
order by symbol collate "C"
limit $3;

-- name: candles
-- The plain bound on opened_at beside the row comparison lets Postgres leave out the months of newer partitions.
select symbol, timeframe, opened_at, open, high, low, close, volume, volume_usd, trades_count, vwap, exchange, source
from candles
where symbol = $1
  and timeframe = $2
  and opened_at >= $3
  and opened_at <= $4
  and (opened_at, exchange) < ($4, $5)
  and ($6::text is null or exchange = $6)
order by opened_at desc, exchange desc
limit $7;

-- name: indicators
select symbol, timeframe, opened_at, source, data, observed_at
from indicators
where symbol = $1
  and timeframe = $2
  and opened_at >= $3
  and opened_at <= $4
  and (opened_at, source) < ($4, $5)
  and ($6::text is null or source = $6)
order by opened_at desc, source desc
limit $7;

-- name: signals
select
  id::text, symbol, timeframe, opened_at, strategy_version, origin, source, direction, regime, score, strength, confidence,
  entry_price, targets, stop_price, risk_reward, expected_value, verdict, reasons, expires_at, created_at, outcomes
from signals
cross join lateral (
  select coalesce(
    jsonb_agg(
      jsonb_build_object(
        'horizon', horizon, 'barrier', barrier, 'ambiguous', ambiguous,
        'return_net', return_net, 'r_multiple', r_multiple, 'closed_at', closed_at
      )
      order by closed_at, horizon
    ),
    '[]'
  ) as outcomes
  from signal_outcomes
  where signal_id = signals.id
) as ended
where symbol = $1
  and opened_at >= $2
  and opened_at <= $3
  and (opened_at, timeframe, strategy_version) < ($3, $4, $5)
  and ($6::text is null or timeframe = $6)
  and ($7::text is null or direction = $7)
  and ($8::text is null or origin = $8)
  and ($9::text is null or verdict = $9)
order by opened_at desc, timeframe desc, strategy_version desc
limit $10;

-- name: win_rates
-- A symbol has a few hundred rows at most: no index serves the order, and none is needed.
select
  symbol, timeframe, strategy_version, direction, horizon, lookback_days, origin, n, n_effective, wins, losses, expired,
  rate, low, high, baseline, expectancy, profit_factor, computed_at
from win_rate
where symbol = $1
  and (timeframe, strategy_version, direction, horizon, lookback_days, origin) > ($2, $3, $4, $5, $6::integer, $7)
  and ($8::text is null or timeframe = $8)
  and ($9::text is null or direction = $9)
  and ($10::text is null or horizon = $10)
  and ($11::integer is null or lookback_days = $11)
  and ($12::text is null or origin = $12)
order by timeframe, strategy_version, direction, horizon, lookback_days, origin
limit $13;

-- name: newest_snapshots
-- The sources are few and have an index that begins with them: a step from each to the next, and its newest row.
with recursive sources as (
  (select source from market_snapshots where source > $1 order by source limit 1)
  union all
  (
    select following.source
    from sources
    cross join lateral (
      select market_snapshots.source
      from market_snapshots
      where market_snapshots.source > sources.source
      order by market_snapshots.source
      limit 1
    ) as following
  )
)
select
  newest.source, newest.vendor, newest.observed_at, newest.taken_at,
  extract(epoch from greatest(now() - newest.observed_at, '0'))::double precision as age_seconds, newest.data
from (select source from sources order by source limit $2) as wanted
cross join lateral (
  select source, vendor, observed_at, taken_at, data
  from market_snapshots
  where market_snapshots.source = wanted.source
  order by market_snapshots.observed_at desc
  limit 1
) as newest
order by newest.source;

-- name: snapshots_of
select
  source, vendor, observed_at, taken_at,
  extract(epoch from greatest(now() - observed_at, '0'))::double precision as age_seconds, data
from market_snapshots
where source = $1 and observed_at >= $2 and observed_at < $3
order by observed_at desc
limit $4;
