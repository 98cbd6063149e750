-- name: watched_pairs
-- Chat. Sorted by bytes, as both databases and Python agree on them; collations differ.
select user_id, symbol, timeframe, active, strategy
from user_symbols
where (user_id, symbol collate "C", timeframe collate "C") > ($1::uuid, $2::text, $3::text)
  and ($4::uuid is null or user_id = $4)
order by user_id, symbol collate "C", timeframe collate "C"
limit $5::integer;

-- name: watchers
-- Trading. Tombstones too: one of them may stand for a pair that is watched.
select user_id, symbol, timeframe, active, strategy, version
from watchers
where (user_id, symbol collate "C", timeframe collate "C") > ($1::uuid, $2::text, $3::text)
  and ($4::uuid is null or user_id = $4)
order by user_id, symbol collate "C", timeframe collate "C"
limit $5::integer;

-- name: users_after
-- Chat.
select user_id, email, tier, credits_balance, is_active
from private.users_after($1::uuid, $2::integer);

-- name: user_snapshot
-- Chat. A user who has left is told of, too: inactive, and without an address.
select user_id, email, tier, credits_balance, is_active
from private.reference_snapshots(array[$1::uuid]);

-- name: references
-- Trading.
select user_id, email, tier, credits_balance, is_active, version
from user_references
where user_id > $1::uuid and ($2::uuid is null or user_id = $2)
order by user_id
limit $3::integer;

-- name: standing
-- Chat. How far the changes of a user have come. `parked` are the pairs whose own change was refused.
select
  coalesce(max(id), 0) as newest_id,
  count(*) filter (where is_open and is_symbol) > 0 as watchers_pending,
  count(*) filter (where is_open and not is_symbol) > 0
    or exists (select from private.reference_marks where user_id = $1::uuid) as reference_pending,
  coalesce(array_agg(changed.symbol || ' ' || changed.timeframe) filter (where is_parked and is_symbol), '{}') as parked,
  count(*) filter (where is_parked and not is_symbol) > 0 as reference_parked
from (
  select
    id,
    delivered_at is null and parked_at is null as is_open,
    parked_at is not null as is_parked,
    payload ->> 'table' = 'user_symbols' as is_symbol,
    coalesce(payload -> 'record' ->> 'symbol', payload -> 'old_record' ->> 'symbol') as symbol,
    coalesce(payload -> 'record' ->> 'timeframe', payload -> 'old_record' ->> 'timeframe') as timeframe
  from outbox
  where user_id = $1::uuid
) as changed;

-- name: repair_watchers
-- Chat.
select private.repair_watchers($1::uuid, $2::text[], $3::text[], $4::bigint);

-- name: repair_reference
-- Chat.
select private.repair_reference($1::uuid, $2::bigint);

-- name: parked_rows
-- Chat.
select count(*) from outbox where parked_at is not null;

-- name: chat_rows
select count(*) from user_symbols;

-- name: trading_rows
select (select count(*) from watchers) as watchers, (select count(*) from user_references) as references;
