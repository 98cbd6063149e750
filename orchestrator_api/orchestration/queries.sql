-- name: changes_under_way
-- Chat. For one user or for everybody.
select
  count(*) filter (where parked_at is null) as pending,
  extract(epoch from now() - min(created_at) filter (where parked_at is null))::double precision as oldest_pending_seconds,
  count(*) filter (where parked_at is not null) as parked
from outbox
where delivered_at is null and ($1::uuid is null or user_id = $1);

-- name: delivered_at
-- Chat.
select max(delivered_at) from outbox where delivered_at is not null and ($1::uuid is null or user_id = $1);

-- name: mirrored
-- Trading.
select
  (select count(*) from watchers where active and ($1::uuid is null or user_id = $1)) as watchers,
  (select count(*) from user_references where is_active and ($1::uuid is null or user_id = $1)) as references,
  (select max(synced_at) from user_references where $1::uuid is null or user_id = $1) as synced_at;

-- name: last_sync
-- Trading. The tasks of the schedule belong to nobody.
select
  id, user_id, kind, state, progress::double precision as progress, detail, result, error, created_at, updated_at,
  cancel_requested_at, ended_at
from jobs
where kind = 'sync' and user_id is not distinct from $1::uuid
order by created_at desc, id desc
limit 1;

-- name: waiting_sync
-- Trading. A task that nobody has begun will see everything that is true now.
select
  id, user_id, kind, state, progress::double precision as progress, detail, result, error, created_at, updated_at,
  cancel_requested_at, ended_at
from jobs
where kind = 'sync' and state = 'queued' and user_id is not distinct from $1::uuid
order by created_at, id
limit 1;
