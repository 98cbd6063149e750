-- name: is_known
select exists (select from instruments where symbol = $1::text and active);

-- name: newest_price
-- Of whichever timeframe closed last: one index seek for each.
select newest.close, newest.opened_at + make_interval(secs => frame.seconds) as closed_at
from unnest($2::text[], $3::double precision[]) as frame (timeframe, seconds)
cross join lateral (
  select opened_at, close
  from candles
  where candles.symbol = $1::text and candles.timeframe = frame.timeframe
  order by opened_at desc
  limit 1
) as newest
order by closed_at desc
limit 1;

-- name: bars_since
select
  opened_at + make_interval(secs => $3::double precision) as closed_at,
  high::double precision as high,
  low::double precision as low,
  close::double precision as close
from (
  -- Several exchanges may have the same candle: the one with the most volume tells the price best.
  select distinct on (opened_at) opened_at, high, low, close
  from candles
  where symbol = $1::text and timeframe = $2::text and opened_at >= $4::timestamptz
  order by opened_at desc, volume desc, exchange
  limit $5::integer
) as newest
order by opened_at;

-- name: newest_maps
-- The newest map of each source since a time, cluster by cluster.
select
  cluster.source, cluster.observed_at, cluster.confidence, cluster.link, cluster.side, cluster.price, cluster.size,
  cluster.notional
from unnest($2::text[]) with ordinality as wanted (source, place)
cross join lateral (
  select max(observed_at) as observed_at
  from liq_clusters
  where symbol = $1::text and source = wanted.source and observed_at >= $3::timestamptz
) as newest
join liq_clusters as cluster
  on cluster.symbol = $1::text and cluster.source = wanted.source and cluster.observed_at = newest.observed_at
order by wanted.place, cluster.price desc;

-- name: claim_ask
-- Nothing is returned while somebody has asked not long ago.
insert into cluster_asks (symbol, source, asked_at)
values ($1::text, $2::text, $3::timestamptz)
on conflict (symbol, source) do update
set asked_at = excluded.asked_at
where cluster_asks.asked_at <= excluded.asked_at - $4::interval
returning asked_at;

-- name: save_clusters
insert into liq_clusters (symbol, source, observed_at, confidence, link, side, price, size, notional)
select $1::text, $2::text, $3::timestamptz, $4::double precision, $5::text, side, price, size, notional
from unnest($6::text[], $7::numeric[], $8::text[], $9::numeric[]) as cluster (side, price, size, notional)
order by side, price
-- A map is kept with every timeframe that it is judged with, and is the same each time.
on conflict on constraint liq_clusters_observed_once do nothing;

-- name: save_monitor
insert into liquidation_monitor (
  symbol, source, observed_at, confidence, link, price, price_at, nearest_above, nearest_below, hits, cascade_risk,
  cascade_band, cascade_parts, pattern, pattern_parts, distances, computed_at
)
values (
  $1::text, $2::text, $3::timestamptz, $4::double precision, $5::text, $6::numeric, $7::timestamptz, $8::jsonb, $9::jsonb,
  $10::jsonb, $11::double precision, $12::text, $13::jsonb, $14::text, $15::jsonb, $16::jsonb, $17::timestamptz
)
on conflict (symbol) do update
set source = excluded.source,
    observed_at = excluded.observed_at,
    confidence = excluded.confidence,
    link = excluded.link,
    price = excluded.price,
    price_at = excluded.price_at,
    nearest_above = excluded.nearest_above,
    nearest_below = excluded.nearest_below,
    hits = excluded.hits,
    cascade_risk = excluded.cascade_risk,
    cascade_band = excluded.cascade_band,
    cascade_parts = excluded.cascade_parts,
    pattern = excluded.pattern,
    pattern_parts = excluded.pattern_parts,
    distances = excluded.distances,
    computed_at = excluded.computed_at
-- A slower worker does not undo what a later one has said.
where liquidation_monitor.computed_at <= excluded.computed_at;

-- name: find_push
select id, symbol, observed_at, clusters, image, media_type, confidence, link, state
from cluster_pushes
where id = $1::text;

-- name: end_push
-- The image has done its work.
update cluster_pushes
set state = $2::text, refusal = $3::text, image = null, ended_at = $4::timestamptz
where id = $1::text and state = 'waiting';
