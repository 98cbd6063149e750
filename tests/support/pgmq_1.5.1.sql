-- What 1.5.1 changed in the shape of 1.4.4, applied after it: headers, last in tables and type; sending with headers; reading
-- under a condition; the number of visible messages.
alter type pgmq.message_record add attribute headers jsonb;
alter type pgmq.metrics_result add attribute queue_visible_length bigint;
alter function pgmq.create(text) rename to create_without_headers;
create function pgmq.create(queue_name text) returns void
language plpgsql as $$
begin
  perform pgmq.create_without_headers(queue_name);
  execute format('alter table pgmq.%I add column headers jsonb', 'q_' || queue_name);
  execute format('alter table pgmq.%I add column headers jsonb', 'a_' || queue_name);
end
$$;

drop function pgmq.send(text, jsonb, integer), pgmq.send_batch(text, jsonb[], integer), pgmq.read(text, integer, integer);

create function pgmq.send(queue_name text, msg jsonb, headers jsonb, delay timestamptz) returns setof bigint
language plpgsql as $$
begin
  return query execute format('insert into pgmq.%I (vt, message, headers) values ($2, $1, $3) returning msg_id', 'q_' || queue_name)
    using msg, delay, headers;
end
$$;
create function pgmq.send(queue_name text, msg jsonb) returns setof bigint
language sql as $$ select pgmq.send(queue_name, msg, null::jsonb, clock_timestamp()) $$;
create function pgmq.send(queue_name text, msg jsonb, headers jsonb) returns setof bigint
language sql as $$ select pgmq.send(queue_name, msg, headers, clock_timestamp()) $$;
create function pgmq.send(queue_name text, msg jsonb, delay integer) returns setof bigint
language sql as $$ select pgmq.send(queue_name, msg, null::jsonb, clock_timestamp() + make_interval(secs => delay)) $$;
create function pgmq.send(queue_name text, msg jsonb, delay timestamptz) returns setof bigint
language sql as $$ select pgmq.send(queue_name, msg, null::jsonb, delay) $$;

create function pgmq.send_batch(queue_name text, msgs jsonb[], delay integer) returns setof bigint
language plpgsql as $$
begin
  return query execute format(
    'insert into pgmq.%I (vt, message) select clock_timestamp() + $2, unnest($1) returning msg_id', 'q_' || queue_name
  ) using msgs, make_interval(secs => delay);
end
$$;
create function pgmq.send_batch(queue_name text, msgs jsonb[]) returns setof bigint
language sql as $$ select pgmq.send_batch(queue_name, msgs, 0) $$;

create function pgmq.read(queue_name text, vt integer, qty integer, conditional jsonb default '{}')
returns setof pgmq.message_record
language plpgsql as $$
begin
  return query execute format(
    'update pgmq.%1$I as taken
     set vt = clock_timestamp() + $2, read_ct = read_ct + 1
     where msg_id in (
       select msg_id from pgmq.%1$I
       where vt <= clock_timestamp() and message @> $3
       order by msg_id limit $1 for update skip locked
     )
     returning taken.msg_id, taken.read_ct, taken.enqueued_at, taken.vt, taken.message, taken.headers', 'q_' || queue_name
  ) using qty, make_interval(secs => vt), conditional;
end
$$;

create or replace function pgmq.archive(queue_name text, msg_ids bigint[]) returns setof bigint
language plpgsql as $$
begin
  return query execute format(
    'with archived as (delete from pgmq.%I where msg_id = any ($1) returning msg_id, vt, read_ct, enqueued_at, message, headers)
     insert into pgmq.%I (msg_id, vt, read_ct, enqueued_at, message, headers)
     select msg_id, vt, read_ct, enqueued_at, message, headers from archived returning msg_id',
    'q_' || queue_name, 'a_' || queue_name
  ) using msg_ids;
end
$$;
