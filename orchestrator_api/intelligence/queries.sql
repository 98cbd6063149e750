-- name: newest_intelligence
select
  symbol, timeframe, opened_at, close, trend_direction, trend_strength, volatility, volatility_close, relative_volatility,
  regime, season, levels, indicators, computed_at
from market_intelligence
where symbol = $1 and timeframe = $2
order by opened_at desc
limit 1;

-- name: active_patterns
-- Of each timeframe the best ten: more than that is noise.
select
  id, symbol, timeframe, kind, direction, origin, confidence, started_at, ended_at, detected_opened_at, price_levels, bars,
  fits, expires_at
from (
  select
    id, symbol, timeframe, kind, direction, origin, confidence, started_at, ended_at, detected_opened_at, price_levels,
    bars, fits, expires_at,
    row_number() over (partition by timeframe order by confidence desc, id) as place
  from patterns
  where symbol = $1 and expires_at > now() and over_at is null
) as active
where place <= $2::integer
  and (-confidence, id) > (-$3::double precision, $4::uuid)
  and ($5::text is null or timeframe = $5)
  and ($6::text is null or kind = $6)
  and ($7::text is null or direction = $7)
  and confidence >= $8::double precision
order by -confidence, id
limit $9;

-- name: effectiveness
-- A few hundred rows for a symbol: the primary key serves the order.
select
  symbol, timeframe, kind, direction, origin, horizon, n, n_effective, wins, losses, expired, rate, low, high, baseline,
  expectancy, profit_factor, since, computed_at
from pattern_effectiveness
where (symbol, timeframe, kind, direction, origin) > ($1, $2, $3, $4, $5)
  and ($6::text is null or symbol = $6)
  and ($7::text is null or timeframe = $7)
  and ($8::text is null or kind = $8)
  and ($9::text is null or direction = $9)
  and ($10::text is null or origin = $10)
  and n >= $11::integer
order by symbol, timeframe, kind, direction, origin
limit $12;

-- name: open_analysis
-- The job of the same user that is about the same candles already.
select id
from jobs
where user_id = $1 and kind = $2 and ended_at is null and detail @> $3::jsonb
order by created_at desc
limit 1;
