-- What an operator asks of a queue: how much waits, since when, what died, what it weighs, and who keeps it from shrinking.
set local lock_timeout = '5s';

-- Tells a message that waits for its next attempt from one that somebody works on: both are due later.
alter table queueing.failures add column due_at timestamptz;
comment on column queueing.failures.due_at is 'When the next attempt is due; equals the message''s vt until it is leased again.';

create function queueing.names() returns setof text
language sql
stable
set search_path = ''
as $$
  select queue.queue_name::text
  from pgmq.meta as queue
  where exists (select from pgmq.meta as dead where dead.queue_name = queue.queue_name || '_dead')
  order by 1;
$$;

comment on function queueing.names() is 'The job queues: those with dead letters.';

create function queueing.stats() returns table (
  queue text,
  depth bigint,
  due bigint,
  postponed bigint,
  in_flight bigint,
  oldest_due_seconds double precision,
  dead bigint,
  archived bigint,
  total bigint,
  table_bytes bigint,
  dead_tuples bigint,
  paused_at timestamptz,
  paused_by text
)
language plpgsql
stable
set search_path = ''
as $$
#variable_conflict use_column
declare
  -- An archive is counted up to here; beyond it the planner's estimate serves.
  archived_counted_max constant integer := 10000;
begin
  for queue in select names from queueing.names() loop
    execute format(
      $count$
      select
        count(*),
        count(*) filter (where message.vt <= now()),
        count(*) filter (where message.vt > now() and (message.read_ct = 0 or failed.due_at = message.vt)),
        count(*) filter (where message.vt > now() and message.read_ct > 0 and failed.due_at is distinct from message.vt),
        extract(epoch from now() - min(message.vt) filter (where message.vt <= now()))::double precision
      from pgmq.%I as message
      left join queueing.failures as failed on failed.queue = %L and failed.msg_id = message.msg_id
      $count$,
      'q_' || queue, queue
    ) into depth, due, postponed, in_flight, oldest_due_seconds;

    execute format('select count(*) from pgmq.%I', 'q_' || queue || '_dead') into dead;
    execute format(
      'select count(*) from (select from pgmq.%I limit %s) as counted', 'a_' || queue, archived_counted_max
    ) into archived;
    execute format(
      'select case when is_called then last_value else 0 end from pgmq.%I', 'q_' || queue || '_msg_id_seq'
    ) into total;

    select
      pg_catalog.pg_total_relation_size(relation.oid),
      coalesce(pg_catalog.pg_stat_get_dead_tuples(relation.oid), 0)
    into table_bytes, dead_tuples
    from pg_catalog.pg_class as relation
    where relation.relnamespace = 'pgmq'::regnamespace and relation.relname = 'q_' || queue;

    if archived = archived_counted_max then
      select greatest(archived, relation.reltuples::bigint)
      into archived
      from pg_catalog.pg_class as relation
      where relation.relnamespace = 'pgmq'::regnamespace and relation.relname = 'a_' || queue;
    end if;

    select pause.paused_at, pause.paused_by
    into paused_at, paused_by
    from queueing.pauses as pause
    where pause.queue = stats.queue;
    return next;
  end loop;
end
$$;

comment on function queueing.stats() is
  'One row for each job queue. The oldest age counts due messages only: one that was postponed until tomorrow is not late.';

-- The services may not see each other's transactions; the owner may, hence the definer.
create function queueing.horizon() returns table (
  pid integer, application_name text, state text, age_seconds double precision
)
language sql
stable
security definer
set search_path = ''
as $$
  select activity.pid, activity.application_name, activity.state,
    extract(epoch from now() - activity.xact_start)::double precision
  from pg_catalog.pg_stat_activity as activity
  where activity.datname = pg_catalog.current_database()
    and activity.pid <> pg_catalog.pg_backend_pid()
    and activity.xact_start is not null
    -- Without a snapshot and without a write, an open transaction holds nothing back.
    and (activity.backend_xmin is not null or activity.backend_xid is not null)
    and activity.backend_type = 'client backend'
  order by activity.xact_start
  limit 1;
$$;

comment on function queueing.horizon() is
  'The oldest transaction that keeps vacuum from removing the dead rows of the queues; no row when there is none.';

revoke execute on function queueing.names(), queueing.stats(), queueing.horizon() from public;
grant execute on function queueing.names(), queueing.stats(), queueing.horizon() to zmarty_api, zmarty_worker;
