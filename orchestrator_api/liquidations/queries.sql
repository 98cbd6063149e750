-- name: find_push
select state, refusal from cluster_pushes where id = $1;

-- name: waiting_pushes
select count(*) as waiting, count(image) as images from cluster_pushes where state = 'waiting';

-- name: save_push
-- Waits for another request with the same id, and yields to it.
insert into cluster_pushes (id, symbol, observed_at, clusters, image, media_type, confidence, link)
values ($1, $2, $3, $4, $5, $6, $7, $8)
on conflict (id) do nothing
returning id;

-- name: newest_maps
-- The newest map of each source: one index seek for each. The aggregate is bounded by what a map may hold.
select newest.source, newest.observed_at, newest.confidence, newest.link, map.clusters
from unnest($2::text[]) with ordinality as wanted (source, place)
cross join lateral (
  select source, observed_at, confidence, link
  from liq_clusters
  where symbol = $1 and source = wanted.source
  order by observed_at desc
  limit 1
) as newest
cross join lateral (
  select jsonb_agg(
    jsonb_build_object('side', side, 'price', price, 'size', size, 'notional', notional) order by price desc
  ) as clusters
  from liq_clusters
  where symbol = $1 and source = newest.source and observed_at = newest.observed_at
) as map
order by newest.observed_at desc, wanted.place;

-- name: clusters
select id, side, price, size, notional, source, observed_at, confidence, link
from liq_clusters
where symbol = $1
  and observed_at >= $2
  and observed_at <= $3
  and (observed_at, id) < ($3, $4::bigint)
  and ($5::text is null or source = $5)
order by observed_at desc, id desc
limit $6;

-- name: monitor
select
  symbol, source, observed_at, confidence, link, price, price_at, nearest_above, nearest_below, hits, cascade_risk,
  cascade_band, cascade_parts, pattern, pattern_parts, distances, computed_at,
  extract(epoch from now() - observed_at)::double precision as map_age_seconds,
  extract(epoch from now() - price_at)::double precision as price_age_seconds
from liquidation_monitor
where symbol = $1;

-- name: patterns
select symbol, pattern, cascade_risk, cascade_band, price, price_at, source, observed_at, computed_at
from liquidation_monitor
where symbol > $1
  and pattern is not null
  and ($2::text is null or pattern = $2)
order by symbol
limit $3;
