-- name: watched_symbols
-- No filter by user: row level security is the filter, and a test holds it to that.
select symbol, timeframe, strategy, active, created_at, updated_at
from user_symbols
where active and (symbol, timeframe) > ($1, $2)
order by symbol, timeframe
limit $3;

-- name: watch_symbol
-- No `on conflict do update`: the insert's trigger counts a user's symbols and would refuse a pair that is there already.
-- All parts see the same snapshot, so `before` tells what was. A pair that is watched in the same way is not written:
-- an unchanged row must not travel to the trading database. No row at all: another request inserts the pair right now.
with before as (
  select symbol, timeframe, strategy, active, created_at, updated_at
  from user_symbols
  where user_id = $1 and symbol = $2 and timeframe = $3
), changed as (
  update user_symbols
  set active = true, strategy = coalesce($4::jsonb, strategy)
  where user_id = $1 and symbol = $2 and timeframe = $3
    and (not active or strategy is distinct from coalesce($4::jsonb, strategy))
  returning symbol, timeframe, strategy, active, created_at, updated_at
), added as (
  insert into user_symbols (user_id, symbol, timeframe, strategy)
  select $1, $2, $3, coalesce($4::jsonb, '{}')
  where not exists (select from before)
  on conflict (user_id, symbol, timeframe) do nothing
  returning symbol, timeframe, strategy, active, created_at, updated_at
)
select symbol, timeframe, strategy, active, created_at, updated_at, true as is_new
from added
union all
select symbol, timeframe, strategy, active, created_at, updated_at, not (select active from before)
from changed
union all
select symbol, timeframe, strategy, active, created_at, updated_at, false
from before
where not exists (select from changed);

-- name: unwatch_symbol
update user_symbols
set active = false
where user_id = $1 and symbol = $2 and timeframe = $3 and active;

-- name: mirror_states
-- The newest change of each pair. Delivered rows are pruned after some days: no row means mirrored long ago.
select distinct on (symbol, timeframe) symbol, timeframe, delivered_at, parked_at
from (
  select
    id, delivered_at, parked_at,
    coalesce(payload -> 'record', payload -> 'old_record') ->> 'symbol' as symbol,
    coalesce(payload -> 'record', payload -> 'old_record') ->> 'timeframe' as timeframe
  from outbox
  where user_id = $1 and payload ->> 'table' = 'user_symbols'
) as changes
where (symbol, timeframe) in (select symbol, timeframe from unnest($2::text[], $3::text[]) as asked (symbol, timeframe))
order by symbol, timeframe, id desc;

-- name: profile_of
select
  tier, to_jsonb(tiers) as plan, created_at as member_since, updated_at, full_name, display_name, avatar_url, bio,
  trading_experience, risk_tolerance, preferred_pairs, notification_preferences, language, timezone
from profiles
join tiers using (tier)
where user_id = $1;

-- name: change_profile
-- What was sent replaces, all else stays: the record is the row as it is, locked, with these fields over it.
update profiles
set (
  full_name, display_name, avatar_url, bio, trading_experience, risk_tolerance, preferred_pairs,
  notification_preferences, language, timezone
) = (
  select
    full_name, display_name, avatar_url, bio, trading_experience, risk_tolerance, preferred_pairs,
    notification_preferences, language, timezone
  from jsonb_populate_record(profiles, $2::jsonb)
)
where user_id = $1;
