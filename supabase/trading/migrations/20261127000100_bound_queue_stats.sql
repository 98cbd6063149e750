-- Looking at a queue costs the same however long it is: the admin page looks every four seconds.
set local lock_timeout = '5s';

create or replace function queueing.stats() returns table (
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
  -- Messages are counted up to here; beyond it the planner's estimate serves.
  counted_max constant integer := 10000;
  live oid;
  later bigint;
begin
  for queue in select names from queueing.names() loop
    -- Ordered by vt on pgmq's index: what is leased comes due within minutes and stands before what was postponed.
    execute format(
      $count$
      select
        (select count(*) from (select from pgmq.%1$I where vt <= now() order by vt limit $1) as counted),
        (select extract(epoch from now() - min(vt))::double precision from pgmq.%1$I where vt <= now()),
        count(*),
        count(*) filter (where waiting.read_ct > 0 and failed.due_at is distinct from waiting.vt)
      from (
        select msg_id, vt, read_ct from pgmq.%1$I where vt > now() order by vt limit $1
      ) as waiting
      left join queueing.failures as failed on failed.queue = $2 and failed.msg_id = waiting.msg_id
      $count$,
      'q_' || queue
    ) using counted_max, queue into due, oldest_due_seconds, later, in_flight;

    live := to_regclass(format('pgmq.%I', 'q_' || queue));
    depth := due + later;
    if due = counted_max or later = counted_max then
      select greatest(depth, relation.reltuples::bigint)
      into depth
      from pg_catalog.pg_class as relation
      where relation.oid = live;
      if due = counted_max then
        due := depth - later;
      end if;
    end if;
    postponed := depth - due - in_flight;

    execute format(
      'select count(*) from (select from pgmq.%I limit $1) as counted', 'q_' || queue || '_dead'
    ) using counted_max into dead;
    execute format(
      'select count(*) from (select from pgmq.%I limit $1) as counted', 'a_' || queue
    ) using counted_max into archived;
    if archived = counted_max then
      select greatest(archived, relation.reltuples::bigint)
      into archived
      from pg_catalog.pg_class as relation
      where relation.relnamespace = 'pgmq'::regnamespace and relation.relname = 'a_' || queue;
    end if;
    execute format(
      'select case when is_called then last_value else 0 end from pgmq.%I', 'q_' || queue || '_msg_id_seq'
    ) into total;

    table_bytes := pg_catalog.pg_total_relation_size(live);
    dead_tuples := coalesce(pg_catalog.pg_stat_get_dead_tuples(live), 0);

    select pause.paused_at, pause.paused_by
    into paused_at, paused_by
    from queueing.pauses as pause
    where pause.queue = stats.queue;
    return next;
  end loop;
end
$$;

comment on function queueing.stats() is
  'One row for each job queue. Exact up to 10000 due and 10000 later messages, beyond that the planner''s estimate; dead letters '
  'are counted up to 10000. The oldest age counts due messages only: one that was postponed until tomorrow is not late.';
