-- name: watched_pairs
select distinct symbol, timeframe
from watchers
where active
order by symbol, timeframe
limit $1::integer;

-- name: due_times
select source, symbol, timeframe, due_at
from context_readings
where symbol = '' or symbol = any ($1::text[]);

-- name: claim
-- Moved before anybody asks: of all workers and timeframes that come at once, one asks.
insert into context_readings as asked (source, symbol, timeframe, due_at, asked_at)
values ($1::text, $2::text, $3::text, $5::timestamptz, $4::timestamptz)
on conflict (source, symbol, timeframe) do update
set due_at = excluded.due_at, asked_at = excluded.asked_at
where asked.due_at <= $4::timestamptz
returning true;

-- name: keep_answer
-- An older word, from a slower worker, does not undo a newer one.
update context_readings
set answered_at = now(),
    observed_at = $4::timestamptz,
    data = $5::jsonb,
    failure = null
where source = $1::text and symbol = $2::text and timeframe = $3::text
  and (observed_at is null or observed_at <= $4::timestamptz);

-- name: keep_failure
-- The last good answer stands; its age shows.
update context_readings
set due_at = $4::timestamptz, failure = $5::text
where source = $1::text and symbol = $2::text and timeframe = $3::text;

-- name: save_snapshot
insert into market_snapshots (source, vendor, observed_at, data)
values ($1::text, $2::text, $3::timestamptz, $4::jsonb)
-- A vendor that has not looked again since tells the same once more.
on conflict (source, observed_at) do nothing;

-- name: last_readings
select source, timeframe, observed_at, data
from context_readings
where symbol = $1::text and timeframe in ($2::text, '') and data is not null;

-- name: newest_parts
-- Of a table only the symbol's row leaves the database, of a list all of it.
select
  wanted.source,
  newest.vendor,
  newest.observed_at,
  case
    when jsonb_typeof(newest.data -> 'pairs') = 'object' then newest.data -> 'pairs' -> $3::text
    when jsonb_typeof(newest.data -> 'coins') = 'object' then newest.data -> 'coins' -> $4::text
    else newest.data
  end as told
from unnest($1::text[]) as wanted (source)
cross join lateral (
  select vendor, observed_at, data
  from market_snapshots
  where market_snapshots.source = wanted.source and market_snapshots.observed_at >= $2::timestamptz
  order by market_snapshots.observed_at desc
  limit 1
) as newest;

-- name: told_until
-- What each source has told this pair so far, by the newest row of each.
select wanted.source, newest.observed_at
from unnest($3::text[]) as wanted (source)
cross join lateral (
  select observed_at
  from indicators
  where symbol = $1::text and timeframe = $2::text and indicators.source = wanted.source
  order by opened_at desc
  limit 1
) as newest;
