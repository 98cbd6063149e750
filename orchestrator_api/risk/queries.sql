-- name: newest_day
select observed_on, source, value, band, rarity, days, price, known_at
from risk_metric
where symbol = $1
order by observed_on desc, source
limit 1;

-- name: days
select observed_on, source, value, band, rarity, days, price, known_at
from risk_metric
where symbol = $1
  and observed_on >= $2
  and (observed_on, source) < ($3, $4)
order by observed_on desc, source desc
limit $5;

-- name: count_closes
select count(distinct opened_at) from candles where symbol = $1 and timeframe = '1d';
