-- Statements that lease and end a message, over pgmq's own tables, whose columns msg_id, read_ct, enqueued_at, vt and
-- message are the same on pgmq 1.4.4, 1.5.1 and 1.13. {queue} is filled in by queue.py with a queue name it has checked.

-- name: lease
-- Ordered by vt, not by msg_id: postponed and leased messages then lie behind the due ones instead of in front of them.
with due as (
  select msg_id
  from pgmq.q_{queue}
  where vt <= now()
  order by vt
  limit $1::integer
  for update skip locked
)
update pgmq.q_{queue} as leased
set vt = now() + make_interval(secs => $2::double precision),
    read_ct = leased.read_ct + 1
from due
where leased.msg_id = due.msg_id
returning leased.msg_id, leased.read_ct, leased.enqueued_at, leased.vt, leased.message;

-- name: complete
-- The delete takes the row lock and checks the fence at once: no row means that another worker has the lease.
with mine as (
  delete from pgmq.q_{queue}
  where msg_id = $1::bigint and read_ct = $2::integer
  returning msg_id, read_ct, enqueued_at, vt, message
)
insert into pgmq.a_{queue} (msg_id, read_ct, enqueued_at, vt, message)
select msg_id, read_ct, enqueued_at, vt, message
from mine
returning msg_id;

-- name: forget_failures
delete from queueing.failures where queue = '{queue}' and msg_id = $1::bigint;

-- name: move_due
-- Renews a lease or postpones a message: both only say when it is due next.
update pgmq.q_{queue}
set vt = now() + make_interval(secs => $3::double precision)
where msg_id = $1::bigint and read_ct = $2::integer
returning msg_id;

-- name: hand_back
-- read_ct stays at least 1: at 0 the message would count as unread and could be coalesced with a new one.
update pgmq.q_{queue}
set vt = now(), read_ct = greatest(read_ct - 1, 1)
where msg_id = $1::bigint and read_ct = $2::integer
returning msg_id;

-- name: fail
-- The next attempt and the memory of this failure belong together; dead letters tell of the first and the last one.
with mine as (
  update pgmq.q_{queue}
  set vt = now() + make_interval(secs => $3::double precision)
  where msg_id = $1::bigint and read_ct = $2::integer
  returning msg_id
)
insert into queueing.failures (queue, msg_id, code, error)
select '{queue}', msg_id, $4::text, $5::text
from mine
on conflict (queue, msg_id) do update
set last_failed_at = now(), code = excluded.code, error = excluded.error
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

-- name: next_due
-- Without a lower bound: a message that became due since the last read must be looked for again, not slept over.
select min(vt) from pgmq.q_{queue};

-- name: depth
-- Bounded, because a log line must not cost more as a backlog grows.
select count(*) from (select from pgmq.q_{queue} limit $1::integer) as counted;

-- name: send_once
select queueing.send_once($1::text, $2::jsonb);
