-- Turns a pgmq 1.13 without queues into one of the shape of 1.4.4: no headers, no time of the last read, and functions of
-- its names, parameters and defaults. Written for these tests from its documentation; only what we or a person would call.
do $$
declare
  leaving regprocedure;
begin
  for leaving in select oid::regprocedure from pg_proc where pronamespace = 'pgmq'::regnamespace loop
    execute format('drop function if exists %s cascade', leaving);
  end loop;
end
$$;
drop table pgmq.topic_bindings, pgmq.notify_insert_throttle;
drop type pgmq.message_record, pgmq.metrics_result cascade;

create type pgmq.message_record as (
  msg_id bigint, read_ct integer, enqueued_at timestamptz, vt timestamptz, message jsonb
);
create type pgmq.metrics_result as (
  queue_name text, queue_length bigint, newest_msg_age_sec integer, oldest_msg_age_sec integer, total_messages bigint,
  scrape_time timestamptz
);

create function pgmq.create(queue_name text) returns void
language plpgsql as $$
begin
  execute format(
    'create table pgmq.%I (
       msg_id bigint primary key generated always as identity, read_ct integer not null default 0,
       enqueued_at timestamptz not null default now(), vt timestamptz not null, message jsonb
     )', 'q_' || queue_name
  );
  execute format(
    'create table pgmq.%I (
       msg_id bigint primary key, read_ct integer not null default 0, enqueued_at timestamptz not null default now(),
       archived_at timestamptz not null default now(), vt timestamptz not null, message jsonb
     )', 'a_' || queue_name
  );
  execute format('create index %I on pgmq.%I (vt)', 'q_' || queue_name || '_vt_idx', 'q_' || queue_name);
  execute format('create index %I on pgmq.%I (archived_at)', 'archived_at_idx_' || queue_name, 'a_' || queue_name);
  insert into pgmq.meta (queue_name, is_partitioned, is_unlogged) values (queue_name, false, false);
end
$$;

create function pgmq.send(queue_name text, msg jsonb, delay integer default 0) returns setof bigint
language plpgsql as $$
begin
  return query execute format('insert into pgmq.%I (vt, message) values (clock_timestamp() + $2, $1) returning msg_id', 'q_' || queue_name)
    using msg, make_interval(secs => delay);
end
$$;

create function pgmq.send_batch(queue_name text, msgs jsonb[], delay integer default 0) returns setof bigint
language plpgsql as $$
begin
  return query execute format(
    'insert into pgmq.%I (vt, message) select clock_timestamp() + $2, unnest($1) returning msg_id', 'q_' || queue_name
  ) using msgs, make_interval(secs => delay);
end
$$;

create function pgmq.read(queue_name text, vt integer, qty integer) returns setof pgmq.message_record
language plpgsql as $$
begin
  return query execute format(
    'update pgmq.%1$I as taken
     set vt = clock_timestamp() + $2, read_ct = read_ct + 1
     where msg_id in (
       select msg_id from pgmq.%1$I where vt <= clock_timestamp() order by msg_id limit $1 for update skip locked
     )
     returning taken.msg_id, taken.read_ct, taken.enqueued_at, taken.vt, taken.message', 'q_' || queue_name
  ) using qty, make_interval(secs => vt);
end
$$;

create function pgmq.archive(queue_name text, msg_ids bigint[]) returns setof bigint
language plpgsql as $$
begin
  return query execute format(
    'with archived as (delete from pgmq.%I where msg_id = any ($1) returning msg_id, vt, read_ct, enqueued_at, message)
     insert into pgmq.%I (msg_id, vt, read_ct, enqueued_at, message)
     select msg_id, vt, read_ct, enqueued_at, message from archived returning msg_id',
    'q_' || queue_name, 'a_' || queue_name
  ) using msg_ids;
end
$$;

create function pgmq.archive(queue_name text, msg_id bigint) returns boolean
language sql as $$ select exists (select from pgmq.archive(queue_name, array[msg_id])) $$;

create function pgmq.delete(queue_name text, msg_ids bigint[]) returns setof bigint
language plpgsql as $$
begin
  return query execute format('delete from pgmq.%I where msg_id = any ($1) returning msg_id', 'q_' || queue_name) using msg_ids;
end
$$;

create function pgmq.delete(queue_name text, msg_id bigint) returns boolean
language sql as $$ select exists (select from pgmq.delete(queue_name, array[msg_id])) $$;

create function pgmq.set_vt(queue_name text, msg_id bigint, vt integer) returns setof pgmq.message_record
language plpgsql as $$
begin
  return query execute format('update pgmq.%I set vt = now() + $2 where msg_id = $1 returning *', 'q_' || queue_name)
    using msg_id, make_interval(secs => vt);
end
$$;

create function pgmq.metrics(queue_name text) returns pgmq.metrics_result
language plpgsql as $$
declare
  counted pgmq.metrics_result;
begin
  execute format(
    'select %L::text, count(*), extract(epoch from now() - max(enqueued_at))::integer,
       extract(epoch from now() - min(enqueued_at))::integer,
       (select case when is_called then last_value else 0 end from pgmq.%I), now()
     from pgmq.%I', queue_name, 'q_' || queue_name || '_msg_id_seq', 'q_' || queue_name
  ) into counted;
  return counted;
end
$$;

create function pgmq.list_queues() returns setof pgmq.queue_record
language sql as $$ select queue_name, is_partitioned, is_unlogged, created_at from pgmq.meta $$;

create function pgmq.purge_queue(queue_name text) returns bigint
language plpgsql as $$
declare
  purged bigint;
begin
  execute format('select count(*) from pgmq.%I', 'q_' || queue_name) into purged;
  execute format('truncate pgmq.%I', 'q_' || queue_name);
  return purged;
end
$$;
