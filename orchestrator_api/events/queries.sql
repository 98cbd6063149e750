-- name: horizon
-- In the trading database. Every transaction below `settled` has ended, and whatever it wrote can be seen: reading only
-- below it, in the order of transactions, never skips what a slower transaction commits later.
select
  pg_snapshot_xmin(pg_current_snapshot()) as settled,
  pg_snapshot_xmax(pg_current_snapshot()) as next_xid,
  xid as trimmed_xid,
  id as trimmed_id,
  exists (
    select from events
    where events.xid >= pg_snapshot_xmin(pg_current_snapshot()) and events.xid < pg_snapshot_xmax(pg_current_snapshot())
  ) as is_waiting
from private.trimmed_events;

-- name: events_between
select xid, id, type, user_id, symbol, timeframe, data, created_at
from events
where (xid, id) > ($1::xid8, $2::bigint) and (xid, id) <= ($3::xid8, $4::bigint)
order by xid, id
limit $5::integer;

-- name: missed_events
-- What one user missed: their own, what concerns the pairs they watch, and for operators what belongs to nobody.
select xid, id, type, user_id, symbol, timeframe, data, created_at
from events
where (xid, id) > ($1::xid8, $2::bigint)
  and (xid, id) <= ($3::xid8, $4::bigint)
  and (
    user_id = $5::uuid
    or user_id is null and (
      (symbol, timeframe) in (select symbol, timeframe from unnest($6::text[], $7::text[]) as watched (symbol, timeframe))
      or symbol is null and $8::boolean
    )
  )
order by xid, id
limit $9::integer;

-- name: watched_pairs
select user_id, symbol, timeframe
from watchers
where user_id = any ($1::uuid[]) and active;

-- name: balances
-- In the chat database. The account and not the ledger's sum: this is asked every two seconds while people listen.
select user_id, balance, held, balance - held as available, low_since
from credit_accounts
where user_id = any ($1::uuid[]);

-- name: open_mirrors
-- In the chat database: pairs whose newest change has not arrived in the trading database. A change on its way arrives
-- within a blink; only one that takes longer is worth a word.
with concerned as (
  select user_id from outbox where user_id = any ($1::uuid[]) and delivered_at is null and parked_at is null
  union
  select user_id from outbox where user_id = any ($1::uuid[]) and parked_at is not null
)
select user_id, symbol, timeframe, is_active, case when parked_at is null then 'pending' else 'parked' end as state
from (
  select distinct on (user_id, symbol, timeframe)
    user_id, symbol, timeframe, is_active, delivered_at, parked_at, created_at
  from (
    select
      outbox.id, outbox.user_id, outbox.delivered_at, outbox.parked_at, outbox.created_at,
      changed ->> 'symbol' as symbol,
      changed ->> 'timeframe' as timeframe,
      outbox.payload ->> 'type' <> 'DELETE' and (changed ->> 'active')::boolean as is_active
    from outbox
    join concerned using (user_id)
    cross join lateral (
      -- A deleted row's record is JSON's null, which coalesce does not pass over.
      select case outbox.payload ->> 'type' when 'DELETE' then outbox.payload -> 'old_record' else outbox.payload -> 'record' end
        as changed
    ) as row_of
    where outbox.payload ->> 'table' = 'user_symbols'
  ) as changes
  order by user_id, symbol, timeframe, id desc
) as newest
where delivered_at is null and (parked_at is not null or created_at < now() - interval '2 seconds');
