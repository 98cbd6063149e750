-- name: record_error
-- Keeps the newest thousand: a flood of errors must not become a flood of rows.
with pruned as (
  delete from recent_errors where id <= (select max(id) - 1000 from recent_errors)
)
insert into recent_errors (service, code, message, queue, msg_id)
values ('worker', $1, $2, $3, $4::bigint);

-- name: beat
insert into worker_heartbeats (worker_id, started_at, beat_at, progressed_at, version, metrics)
values ($1, $2, now(), $3, $4, $5)
on conflict (worker_id) do update
set started_at = excluded.started_at,
    beat_at = excluded.beat_at,
    progressed_at = excluded.progressed_at,
    version = excluded.version,
    metrics = excluded.metrics;

-- name: leave
delete from worker_heartbeats where worker_id = $1;
