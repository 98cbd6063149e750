-- name: is_known
select exists (select from instruments where symbol = $1::text and active);

-- name: newest_day
select max(observed_on)
from risk_metric
where symbol = $1::text;

-- name: anchors
select valid_from, risk, price::double precision as price
from risk_anchors
where symbol = $1::text
order by valid_from, risk;

-- name: daily_closes
-- Several exchanges may have the same candle: the one with the most volume tells the price best.
select (opened_at at time zone 'UTC')::date as observed_on, close::double precision as close
from (
  select distinct on (opened_at) opened_at, close
  from candles
  where symbol = $1::text and timeframe = '1d' and opened_at <= $2::timestamptz
  order by opened_at desc, volume desc, exchange
  limit $3::integer
) as newest
order by opened_at;

-- name: save_days
-- What was known on a day stays what was known: a later run, a correction or a longer history changes no old row.
insert into risk_metric (symbol, observed_on, source, value, band, rarity, days, price, known_at)
select $1::text, observed_on, source, value, band, rarity, days, price, (observed_on + 1)::timestamp at time zone 'UTC'
from unnest(
  $2::date[], $3::text[], $4::double precision[], $5::integer[], $6::double precision[], $7::integer[], $8::numeric[]
) as known (observed_on, source, value, band, rarity, days, price)
order by observed_on
on conflict (symbol, observed_on, source) do nothing;
