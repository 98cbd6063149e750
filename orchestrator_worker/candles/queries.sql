-- name: newest_opened_at
select max(opened_at)
from candles
where symbol = $1::text and timeframe = $2::text and opened_at <= coalesce($3::timestamptz, 'infinity');

-- name: count_between
select count(distinct opened_at)
from candles
where symbol = $1::text and timeframe = $2::text and opened_at > $3::timestamptz and opened_at <= $4::timestamptz;

-- name: candles_between
-- All of one exchange: of those whose candles were asked for the one that has `holding`, and of several the one with the
-- longest series, then the busiest. Cast to double precision, because a Decimal column aborts the process inside the indicators' plugin.
with series as (
  select exchange
  from (
    select exchange, opened_at, volume
    from candles
    where symbol = $1::text
      and timeframe = $2::text
      and opened_at between coalesce($3::timestamptz, '-infinity') and coalesce($4::timestamptz, 'infinity')
    order by opened_at desc
    limit $5::integer
  ) as asked
  group by exchange
  order by coalesce(bool_or(opened_at = $6::timestamptz), false) desc, count(*) desc, sum(volume) desc, exchange
  limit 1
)
select
  opened_at,
  open::double precision as open,
  high::double precision as high,
  low::double precision as low,
  close::double precision as close,
  volume::double precision as volume
from (
  select opened_at, open, high, low, close, volume
  from candles
  where symbol = $1::text
    and timeframe = $2::text
    and exchange = (select exchange from series)
    and opened_at between coalesce($3::timestamptz, '-infinity') and coalesce($4::timestamptz, 'infinity')
  order by opened_at desc
  limit $5::integer
) as newest
order by opened_at;

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

-- name: insert_candles
-- For candles that are most likely new: without a look for each one whether it is there, twice as fast. Prices travel as
-- text, which both sides read several times faster than arrays of numeric.
insert into candles (
  symbol, timeframe, exchange, opened_at, open, high, low, close, volume, volume_usd, trades_count, vwap, source
)
select
  $1::text, $2::text, $3::text, opened_at, open::numeric, high::numeric, low::numeric, close::numeric, volume::numeric,
  volume_usd::numeric, trades_count, vwap::numeric, source
from unnest(
  $4::timestamptz[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $11::bigint[],
  $12::text[], $13::text[]
) as fetched (opened_at, open, high, low, close, volume, volume_usd, trades_count, vwap, source)
order by opened_at;

-- name: merge_candles
-- A row that says the same is not even locked, and a correction counts only from the vendor whose figures are stored.
with fetched as (
  select
    opened_at, open::numeric, high::numeric, low::numeric, close::numeric, volume::numeric, volume_usd::numeric,
    trades_count, vwap::numeric, source
  from unnest(
    $4::timestamptz[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $11::bigint[],
    $12::text[], $13::text[]
  ) as fetched (opened_at, open, high, low, close, volume, volume_usd, trades_count, vwap, source)
)
insert into candles (
  symbol, timeframe, exchange, opened_at, open, high, low, close, volume, volume_usd, trades_count, vwap, source
)
select
  $1::text, $2::text, $3::text, fetched.opened_at, fetched.open, fetched.high, fetched.low, fetched.close,
  fetched.volume, fetched.volume_usd, fetched.trades_count, fetched.vwap, fetched.source
from fetched
left join candles as stored
  on stored.symbol = $1::text
  and stored.timeframe = $2::text
  and stored.exchange = $3::text
  and stored.opened_at = fetched.opened_at
  and stored.opened_at between $14::timestamptz and $15::timestamptz
where stored.source is null
  or (
    stored.source = fetched.source
    and (
      stored.open, stored.high, stored.low, stored.close, stored.volume, stored.volume_usd, stored.trades_count,
      stored.vwap
    ) is distinct from (
      fetched.open, fetched.high, fetched.low, fetched.close, fetched.volume, fetched.volume_usd, fetched.trades_count,
      fetched.vwap
    )
  )
order by fetched.opened_at
-- Two ingests of one pair may meet here.
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

-- name: home_exchange
-- The exchange that most of a pair's candles come from.
select exchange
from candles
where symbol = $1::text and timeframe = $2::text
group by exchange
order by count(*) desc, exchange
limit 1;

-- name: stored_stretches
-- A stretch begins where the candle before is further away than one timeframe.
select min(opened_at) as first, max(opened_at) as last
from (
  select opened_at, count(*) filter (where begins) over (order by opened_at) as stretch
  from (
    select
      opened_at,
      opened_at - lag(opened_at) over (order by opened_at) is distinct from make_interval(secs => $4::integer) as begins
    from candles
    where symbol = $1::text
      and timeframe = $2::text
      and exchange = $3::text
      and opened_at between $5::timestamptz and $6::timestamptz
  ) as spaced
) as numbered
group by stretch
order by first
limit $7::integer;

-- name: absences
select first_opened_at as first, last_opened_at as last
from candle_absences
where symbol = $1::text
  and timeframe = $2::text
  and exchange = $3::text
  and last_opened_at >= $4::timestamptz
  and first_opened_at <= $5::timestamptz
order by first_opened_at;

-- name: save_absence
-- Neighbours become one row, so that years before a listing are one row and not one for each page that was asked.
with absorbed as (
  delete from candle_absences
  where symbol = $1::text
    and timeframe = $2::text
    and exchange = $3::text
    and first_opened_at <= $6::timestamptz + make_interval(secs => $4::integer)
    and last_opened_at >= $5::timestamptz - make_interval(secs => $4::integer)
  returning first_opened_at, last_opened_at
)
insert into candle_absences (symbol, timeframe, exchange, first_opened_at, last_opened_at)
select
  $1::text, $2::text, $3::text,
  least(min(first_opened_at), $5::timestamptz), greatest(max(last_opened_at), $6::timestamptz)
from absorbed
-- Two backfills of one pair may say the same at the same time.
on conflict (symbol, timeframe, exchange, first_opened_at) do update
set last_opened_at = greatest(candle_absences.last_opened_at, excluded.last_opened_at), seen_at = now();
