-- name: outbox
-- In the chat database.
select
  (select count(*) from outbox where delivered_at is null and parked_at is null) as pending,
  (
    select extract(epoch from now() - min(created_at))::double precision
    from outbox
    where delivered_at is null and parked_at is null
  ) as oldest_age_seconds,
  (select count(*) from outbox where parked_at is not null) as parked;

-- name: queues
-- The age counts due messages only.
select queue as name, depth, due, postponed, in_flight, oldest_due_seconds as oldest_age_seconds, total, dead, archived,
  table_bytes, dead_tuples, paused_at
from queueing.stats()
order by queue;

-- name: horizon_age
select age_seconds
from queueing.horizon();

-- name: workers
select
  worker_id,
  version,
  started_at,
  beat_at,
  extract(epoch from now() - beat_at)::double precision as beat_age_seconds,
  extract(epoch from now() - progressed_at)::double precision as progress_age_seconds,
  metrics
from worker_heartbeats
order by beat_at desc
limit $1;

-- name: cron
-- In both databases.
select
  job_name,
  schedule,
  status,
  return_message as message,
  started_at,
  ended_at,
  extract(epoch from now() - started_at)::double precision as age_seconds
from private.recent_cron_runs($1);
