-- name: is_known
select exists (select from instruments where symbol = $1::text and active);

-- name: ingest_state
select last_opened_at, failures
from ingest_state
where symbol = $1::text and timeframe = $2::text;

-- name: newest_candles
select
  symbol, timeframe, opened_at, exchange, open, high, low, close, volume, volume_usd, trades_count, vwap, source
from (
  select
    symbol, timeframe, opened_at, exchange, open, high, low, close, volume, volume_usd, trades_count, vwap, source
  from candles
  where symbol = $1::text and timeframe = $2::text and exchange = $3::text
  order by opened_at desc
  limit $4::integer
) as newest
order by opened_at;

-- name: ensure_partitions
select partitions.ensure_candle_partitions($1::timestamptz, $2::timestamptz);

-- name: save_candles
insert into candles (
  symbol, timeframe, exchange, opened_at, open, high, low, close, volume, volume_usd, trades_count, vwap, source
)
select
  $1::text, $2::text, $3::text, opened_at, open, high, low, close, volume, volume_usd, trades_count, vwap, source
from unnest(
  $4::timestamptz[], $5::numeric[], $6::numeric[], $7::numeric[], $8::numeric[], $9::numeric[], $10::numeric[],
  $11::bigint[], $12::numeric[], $13::text[]
) as fetched (opened_at, open, high, low, close, volume, volume_usd, trades_count, vwap, source)
order by opened_at
-- Two ingests of one pair may meet here. A row that says the same is not written again, and a correction counts
-- only from the vendor whose figures are stored.
on conflict (symbol, timeframe, opened_at, exchange) do update
set open = excluded.open,
    high = excluded.high,
    low = excluded.low,
    close = excluded.close,
    volume = excluded.volume,
    volume_usd = excluded.volume_usd,
    trades_count = excluded.trades_count,
    vwap = excluded.vwap
where candles.source = excluded.source
  and (
    candles.open, candles.high, candles.low, candles.close, candles.volume,
    candles.volume_usd, candles.trades_count, candles.vwap
  ) is distinct from (
    excluded.open, excluded.high, excluded.low, excluded.close, excluded.volume,
    excluded.volume_usd, excluded.trades_count, excluded.vwap
  );

-- name: save_readings
insert into indicators (symbol, timeframe, opened_at, source, data, observed_at)
select $1::text, $2::text, $3::timestamptz, source, data, observed_at
from unnest($4::text[], $5::jsonb[], $6::timestamptz[]) as observed (source, data, observed_at)
order by source
-- Asked again for the same candle, the later word holds; an older one, from a slower worker, does not undo it.
on conflict (symbol, timeframe, opened_at, source) do update
set data = excluded.data, observed_at = excluded.observed_at
where indicators.data is distinct from excluded.data and indicators.observed_at <= excluded.observed_at;

-- name: save_progress
insert into ingest_state (symbol, timeframe, last_opened_at, failures, next_due_at, last_error)
values ($1::text, $2::text, $3::timestamptz, $4::integer, $5::timestamptz, $6::text)
-- greatest ignores nulls: a slower worker never turns the pair back.
on conflict (symbol, timeframe) do update
set last_opened_at = greatest(ingest_state.last_opened_at, excluded.last_opened_at),
    failures = excluded.failures,
    next_due_at = excluded.next_due_at,
    last_error = excluded.last_error,
    updated_at = now();
