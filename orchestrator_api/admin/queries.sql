-- name: save_error
-- In the chat database. Upkeep removes old rows.
insert into recent_errors (service, code, request_id, message)
values ('api', $1, $2, $3);

-- name: recent_errors
-- In both databases, merged by the caller: $2 stands for a database's place among rows of the same moment.
select id, service, code, message, request_id, queue, msg_id, occurred_at
from recent_errors
where occurred_at <= $1 and (occurred_at, $4::text, id) < ($1, $2::text, $3::bigint)
order by occurred_at desc, id desc
limit $5;

-- name: dead_letters
-- One branch for each queue: names of tables are never put together from text. A test holds this to the list of queues.
select queue, msg_id, buried_at, message
from (
  select 'compute_signals' as queue, msg_id, enqueued_at as buried_at, message from pgmq.q_compute_signals_dead
  union all
  select 'compute_winrate', msg_id, enqueued_at, message from pgmq.q_compute_winrate_dead
  union all
  select 'ingest_indicators', msg_id, enqueued_at, message from pgmq.q_ingest_indicators_dead
) as letters
where (buried_at, queue, msg_id) < ($1, $2::text, $3::bigint)
  and ($4::text is null or queue = $4)
order by buried_at desc, queue desc, msg_id desc
limit $5;
