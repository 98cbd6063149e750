-- Statements that lease and end a message, over pgmq's own tables, whose columns msg_id, read_ct, enqueued_at, vt and
-- message are the same on pgmq 1.4.4, 1.5.1 and 1.13. queue.py fills in {queue}, a name it has checked, and {columns}, those
-- that this database's pgmq archives.

-- name: lease
-- Ordered by vt, not by msg_id: postponed and leased messages then lie behind the due ones instead of in front of them.
with due as (
  select msg_id
  from pgmq.q_{queue}
  where vt <= now() and not exists (select from queueing.pauses where queue = '{queue}')
  order by vt
  limit $1::integer
  for update skip locked
)
update pgmq.q_{queue} as leased
set vt = now() + make_interval(secs => $2::double precision),
    read_ct = leased.read_ct + 1
from due
where leased.msg_id = due.msg_id
returning leased.msg_id, leased.read_ct, leased.enqueued_at, leased.message::text;

-- name: complete
-- The delete takes the row lock and checks the fence at once: no row means that another worker has the lease.
with mine as (
  delete from pgmq.q_{queue}
  where msg_id = $1::bigint and read_ct = $2::integer
  returning {columns}
)
insert into pgmq.a_{queue} ({columns})
select {columns}
from mine
returning msg_id;

-- name: complete_all
with mine as (
  delete from pgmq.q_{queue}
  using unnest($1::bigint[], $2::integer[]) as leased (id, token)
  where msg_id = leased.id and read_ct = leased.token
  returning {columns}
)
insert into pgmq.a_{queue} ({columns})
select {columns}
from mine
returning msg_id;

-- name: forget_failures
delete from queueing.failures where queue = '{queue}' and msg_id = any ($1::bigint[]);

-- name: move_due
-- Renews a lease or postpones a message: both only say when it is due next.
update pgmq.q_{queue}
set vt = now() + make_interval(secs => $3::double precision)
where msg_id = $1::bigint and read_ct = $2::integer
returning msg_id;

-- name: renew_all
update pgmq.q_{queue}
set vt = now() + make_interval(secs => $3::double precision)
from unnest($1::bigint[], $2::integer[]) as leased (id, token)
where msg_id = leased.id and read_ct = leased.token
returning msg_id;

-- name: hand_back
-- read_ct stays at least 1: at 0 the message would count as unread and could be coalesced with a new one.
update pgmq.q_{queue}
set vt = now(), read_ct = greatest(read_ct - 1, 1)
from unnest($1::bigint[], $2::integer[]) as leased (id, token)
where msg_id = leased.id and read_ct = leased.token;

-- name: fail
-- The next attempt and the memory of this failure belong together; dead letters tell of the first and the last one.
with mine as (
  update pgmq.q_{queue}
  set vt = now() + make_interval(secs => $3::double precision),
      -- Each lease has added one, so taking it back never brings an older lease's token up again.
      read_ct = case when $6::boolean then read_ct else greatest(read_ct - 1, 1) end
  where msg_id = $1::bigint and read_ct = $2::integer
  returning msg_id, vt
)
insert into queueing.failures (queue, msg_id, code, error, due_at)
select '{queue}', msg_id, $4::text, $5::text, vt
from mine
on conflict (queue, msg_id) do update
set last_failed_at = now(), code = excluded.code, error = excluded.error, due_at = excluded.due_at
returning msg_id;

-- name: bury
with mine as (
  delete from pgmq.q_{queue}
  where msg_id = $1::bigint and read_ct = $2::integer
  returning msg_id, read_ct, message
), remembered as (
  delete from queueing.failures
  where queue = '{queue}' and msg_id = $1::bigint
  returning first_failed_at
)
select sent.msg_id
from mine
cross join lateral pgmq.send(
  '{queue}_dead'::text,
  jsonb_build_object(
    'code', $3::text,
    'error', $4::text,
    'traceback', $5::text,
    'attempts', mine.read_ct,
    'first_failed_at', coalesce((select first_failed_at from remembered), now()),
    'last_failed_at', now(),
    'original', mine.message
  )
) as sent (msg_id);

-- name: shared_columns
-- Which columns both a queue and its archive have: pgmq added some over the years.
select attname
from pg_catalog.pg_attribute
where attrelid in (
    select oid from pg_catalog.pg_class
    where relnamespace = 'pgmq'::regnamespace and relname in ($1::text, $2::text)
  )
  and attnum > 0 and not attisdropped
group by attname
having count(*) = 2;

-- name: next_due
-- Without a lower bound: a message that became due since the last read must be looked for again, not slept over.
-- A paused queue has nothing due; whoever resumes it wakes the workers.
select min(vt) from pgmq.q_{queue} where not exists (select from queueing.pauses where queue = '{queue}');

-- name: depth
-- Bounded, because a log line must not cost more as a backlog grows.
select count(*) from (select from pgmq.q_{queue} limit $1::integer) as counted;

-- name: repair
select repaired from queueing.repair_queues() as repaired;

-- name: send_once
select queueing.send_once($1::text, $2::jsonb);

-- Jobs: rows of table jobs, for whoever waits for work that a queue message does.

-- name: create_job
insert into jobs (kind, user_id, detail)
values ($1::text, $2::uuid, $3::jsonb)
returning id;

-- name: progress_job
-- The first report starts a job. The wish to stop it ends it here, where the work can still stop cleanly. A job that was
-- begun anew after its worker died does not fall back.
update jobs
set state = case when cancel_requested_at is null then 'running' else 'cancelled' end,
    ended_at = case when cancel_requested_at is null then null else now() end,
    progress = greatest(progress, $2::numeric),
    detail = detail || $3::jsonb,
    updated_at = now()
where id = $1::uuid and ended_at is null
returning state = 'running';

-- name: finish_job
-- Work that is done is done, even when somebody wished to stop it meanwhile.
update jobs
set state = 'done', progress = 1, result = $2::jsonb, ended_at = now(), updated_at = now()
where id = $1::uuid and ended_at is null
returning id;

-- name: fail_job
update jobs
set state = 'failed', error = $2::text, ended_at = now(), updated_at = now()
where id = $1::uuid and ended_at is null
returning id;

-- name: cancel_job
update jobs
set cancel_requested_at = now(),
    state = case when state = 'queued' then 'cancelled' else state end,
    ended_at = case when state = 'queued' then now() end,
    updated_at = now()
where id = $1::uuid and ended_at is null and cancel_requested_at is null;

-- name: is_job_cancelled
select state = 'cancelled' or (cancel_requested_at is not null and ended_at is null) from jobs where id = $1::uuid;

-- name: find_job
select
  id, user_id, kind, state, progress::double precision as progress, detail, result, error, created_at, updated_at,
  cancel_requested_at, ended_at
from jobs
where id = $1::uuid;

-- name: count_open_jobs
select count(*) from jobs where user_id = $1 and ended_at is null;

-- name: jobs_of_user
select
  id, user_id, kind, state, progress::double precision as progress, detail, result, error, created_at, updated_at,
  cancel_requested_at, ended_at
from jobs
where user_id = $1::uuid
  and ($2::text is null or kind = $2)
  and ($3::timestamptz is null or (created_at, id) < ($3, $4::uuid))
order by created_at desc, id desc
limit $5::integer;
