-- name: analysed_until
select max(opened_at)
from market_intelligence
where symbol = $1::text and timeframe = $2::text;

-- name: count_candles_after
select count(distinct opened_at)
from candles
where symbol = $1::text and timeframe = $2::text and opened_at > $3::timestamptz;

-- name: newest_candles
-- The same choice among exchanges as the signals make. Cast, because a Decimal column aborts the indicators' plugin.
select
  opened_at,
  open::double precision as open,
  high::double precision as high,
  low::double precision as low,
  close::double precision as close,
  volume::double precision as volume
from (
  select distinct on (opened_at) opened_at, open, high, low, close, volume
  from candles
  where symbol = $1::text and timeframe = $2::text
  order by opened_at desc, volume desc, exchange
  limit $3::integer
) as newest
order by opened_at;

-- name: bitcoin_risk
-- As it was known then, within a day by the better founded source; an older value than a week's is no word on this candle.
select value
from risk_metric
where symbol = 'BTC/USDT' and known_at <= $1::timestamptz and known_at > $1::timestamptz - interval '7 days'
order by observed_on desc, array_position(array['anchors', 'regression', 'percentile'], source)
limit 1;

-- name: newest_clusters
-- A map is observed as a whole; one from before the candles' last few says nothing of today.
select side, price::double precision as price, size
from liq_clusters
where symbol = $1::text
  and (source, observed_at) = (
    select source, observed_at
    from liq_clusters
    where symbol = $1::text and observed_at >= $2::timestamptz
    order by observed_at desc, array_position(array['king_fisher', 'pushed', 'screenshot', 'estimated'], source)
    limit 1
  )
order by side, price
limit $3::integer;

-- name: save_analysis
insert into market_intelligence (
  symbol, timeframe, opened_at, close, trend_direction, trend_strength, volatility, volatility_close,
  relative_volatility, regime, season, levels, indicators
)
select
  $1::text, $2::text, opened_at, close, trend_direction, trend_strength, volatility, volatility_close,
  relative_volatility, regime, season, levels, indicators
from jsonb_to_record($3::jsonb) as said (
  opened_at timestamptz, close numeric, trend_direction text, trend_strength double precision,
  volatility double precision, volatility_close double precision, relative_volatility double precision, regime text,
  season text, levels jsonb, indicators jsonb
)
-- Asked again for the same candle, the later word holds: its vendor may have corrected a candle since.
on conflict (symbol, timeframe, opened_at) do update set
  close = excluded.close,
  trend_direction = excluded.trend_direction,
  trend_strength = excluded.trend_strength,
  volatility = excluded.volatility,
  volatility_close = excluded.volatility_close,
  relative_volatility = excluded.relative_volatility,
  regime = excluded.regime,
  season = excluded.season,
  levels = excluded.levels,
  indicators = excluded.indicators,
  computed_at = now();

-- name: save_patterns
-- Found again on a later candle, a pattern is the row that is there, and what was once said stays said.
with saved as (
  insert into patterns (
    id, symbol, timeframe, kind, direction, origin, confidence, started_at, ended_at, detected_opened_at, price_levels, bars,
    fits, expires_at
  )
  select
    id, $1::text, $2::text, kind, direction, origin, confidence, started_at, ended_at, detected_opened_at, price_levels, bars,
    fits, expires_at
  from jsonb_to_recordset($3::jsonb) as found (
    id uuid, kind text, direction text, origin text, confidence double precision, started_at timestamptz, ended_at timestamptz,
    detected_opened_at timestamptz, price_levels jsonb, bars jsonb, fits jsonb, expires_at timestamptz
  )
  -- In key order, so that two workers that save the same pair wait for each other instead of deadlocking.
  order by kind, started_at
  on conflict (symbol, timeframe, kind, started_at) do nothing
  returning id
)
select count(*) from saved;

-- name: end_patterns
-- Those that hold no longer: a candle after their own has reached the target or the invalidation.
update patterns
set over_at = ended.opened_at
from (
  select open.id, min(candles.opened_at) as opened_at
  from patterns as open
  join candles on
    candles.symbol = open.symbol
    and candles.timeframe = open.timeframe
    and candles.opened_at > open.detected_opened_at
    and candles.opened_at < open.expires_at
    and (
      candles.high >= greatest((open.price_levels ->> 'target')::numeric, (open.price_levels ->> 'invalidation')::numeric)
      or candles.low <= least((open.price_levels ->> 'target')::numeric, (open.price_levels ->> 'invalidation')::numeric)
    )
  where open.symbol = $1::text and open.timeframe = $2::text and open.over_at is null and open.expires_at > now()
  group by open.id
) as ended
where patterns.id = ended.id;

-- name: unjudged_patterns
select
  id::text as pattern_id,
  detected_opened_at as opened_at,
  kind,
  origin,
  direction,
  (price_levels ->> 'entry')::double precision as entry_price,
  (price_levels ->> 'invalidation')::double precision as stop_price,
  (price_levels ->> 'target')::double precision as target_price
from patterns
where symbol = $1::text and timeframe = $2::text and barrier is null and detected_opened_at <= $3::timestamptz
order by detected_opened_at
limit $4::integer;

-- name: judged_patterns
select kind, direction, origin, detected_opened_at as opened_at, closed_at, barrier, return_net, baseline
from patterns
where symbol = $1::text and timeframe = $2::text and label_version = $3::text
order by detected_opened_at desc
limit $4::integer;

-- name: save_outcomes
update patterns
set barrier = judged.barrier,
    ambiguous = judged.ambiguous,
    return_net = judged.return_net,
    r_multiple = judged.r_multiple,
    mfe = judged.mfe,
    mae = judged.mae,
    closed_at = judged.closed_at,
    baseline = judged.baseline,
    label_version = $2::text
from jsonb_to_recordset($1::jsonb) as judged (
  pattern_id uuid, barrier text, ambiguous boolean, return_net double precision, r_multiple double precision,
  mfe double precision, mae double precision, closed_at timestamptz, baseline double precision
)
where patterns.id = judged.pattern_id and patterns.barrier is null;

-- name: save_effectiveness
insert into pattern_effectiveness (
  symbol, timeframe, kind, direction, origin, horizon, n, n_effective, wins, losses, expired, rate, low, high, baseline,
  expectancy, profit_factor, since
)
select
  $1::text, $2::text, kind, direction, origin, horizon, n, n_effective, wins, losses, expired, rate, low, high, baseline,
  expectancy, profit_factor, since
from jsonb_to_recordset($3::jsonb) as counted (
  kind text, direction text, origin text, horizon text, n integer, n_effective double precision, wins integer,
  losses integer, expired integer, rate double precision, low double precision, high double precision,
  baseline double precision, expectancy double precision, profit_factor double precision, since timestamptz
)
order by kind, direction, origin
on conflict (symbol, timeframe, kind, direction, origin) do update set
  horizon = excluded.horizon,
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
  since = excluded.since,
  computed_at = now();

-- name: report_symbol
-- Several messages share the job of a bulk analysis; the row's lock makes them report one after the other.
update jobs
set state = 'running',
    detail = jsonb_set(
      detail, array['results'], coalesce(detail -> 'results', '{}') || jsonb_build_object($2::text, $3::jsonb)
    ),
    progress = least(
      1.0,
      (select count(*) from jsonb_object_keys(coalesce(detail -> 'results', '{}') || jsonb_build_object($2::text, $3::jsonb)))
        / greatest(jsonb_array_length(detail -> 'symbols'), 1)::numeric
    ),
    updated_at = now()
where id = $1::uuid and ended_at is null
returning detail;
