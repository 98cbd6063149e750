-- name: newest_opened_at
select max(opened_at)
from candles
where symbol = $1::text and timeframe = $2::text and opened_at <= coalesce($3::timestamptz, 'infinity');

-- name: count_between
select count(distinct opened_at)
from candles
where symbol = $1::text and timeframe = $2::text and opened_at > $3::timestamptz and opened_at <= $4::timestamptz;

-- name: candles_between
-- Several exchanges may have the same candle: the one with the most volume tells the price best.
-- Cast to double precision, because a Decimal column aborts the process inside the indicators' plugin.
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
  where symbol = $1::text
    and timeframe = $2::text
    and opened_at between coalesce($3::timestamptz, '-infinity') and coalesce($4::timestamptz, 'infinity')
  order by opened_at desc, volume desc, exchange
  limit $5::integer
) as newest
order by opened_at;
