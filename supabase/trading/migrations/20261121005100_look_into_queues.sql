-- What an operator looks at, message by message, and how a queue is emptied: in bounded steps.
set local lock_timeout = '5s';

create function queueing.peek(queue text, after_due timestamptz, after_id bigint, quantity integer) returns table (
  msg_id bigint, state text, read_count integer, enqueued_at timestamptz, due_at timestamptz, message jsonb,
  failure_code text, failure text, first_failed_at timestamptz
)
language plpgsql
stable
set search_path = ''
as $$
begin
  perform queueing.require_queue(queue);
  return query execute format(
    -- The states are those that queueing.stats() counts.
    'select
       waiting.msg_id,
       case
         when waiting.vt <= now() then ''due''
         when waiting.read_ct = 0 or failed.due_at = waiting.vt then ''postponed''
         else ''in_flight''
       end,
       waiting.read_ct, waiting.enqueued_at, waiting.vt, waiting.message,
       failed.code, failed.error, failed.first_failed_at
     from pgmq.%I as waiting
     left join queueing.failures as failed on failed.queue = $1 and failed.msg_id = waiting.msg_id
     where $2 is null or (waiting.vt, waiting.msg_id) > ($2, $3)
     order by waiting.vt, waiting.msg_id
     limit $4',
    'q_' || queue
  ) using queue, after_due, after_id, quantity;
end
$$;

comment on function queueing.peek(text, timestamptz, bigint, integer) is
  'The messages of a queue in the order they are due, without leasing them; after_due and after_id name the last one seen.';

create function queueing.dead_letters(
  queue text, before_buried timestamptz, before_queue text, before_id bigint, quantity integer
) returns table (queue_name text, msg_id bigint, buried_at timestamptz, message jsonb)
language plpgsql
stable
set search_path = ''
as $$
declare
  branches text;
begin
  if queue is not null then
    perform queueing.require_queue(queue);
  end if;
  -- Each branch is bounded by itself, so that a page costs the same however many letters there are.
  select string_agg(
    format(
      '(select %1$L::text as queue_name, msg_id, enqueued_at as buried_at, message
        from pgmq.%2$I
        where $1 is null or (enqueued_at, %1$L::text, msg_id) < ($1, $2, $3)
        order by enqueued_at desc, msg_id desc
        limit $4)',
      job.name, 'q_' || job.name || '_dead'
    ),
    ' union all '
  )
  into branches
  from queueing.names() as job (name)
  where queue is null or job.name = queue;
  if branches is not null then
    return query execute
      format('select * from (%s) as letters order by buried_at desc, queue_name desc, msg_id desc limit $4', branches)
      using before_buried, before_queue, before_id, quantity;
  end if;
end
$$;

comment on function queueing.dead_letters(text, timestamptz, text, bigint, integer) is
  'Dead letters of one queue or, for null, of all, newest first; the before_… name the last one seen.';

create function queueing.purge(queue text, quantity integer) returns integer
language plpgsql
set search_path = ''
as $$
declare
  messages_max constant integer := 10000;
  purged integer;
begin
  perform queueing.require_queue(queue);
  if quantity is null or quantity not between 1 and messages_max then
    raise exception 'purge at least 1 and at most % messages at a time', messages_max
      using errcode = 'invalid_parameter_value';
  end if;
  execute format(
    -- What a worker holds at this moment is passed over. A leased message that goes loses its lease: its late
    -- completion finds nothing and writes nothing.
    'with chosen as (
       select msg_id from pgmq.%1$I order by vt limit $1 for update skip locked
     ), gone as (
       delete from pgmq.%1$I as waiting using chosen where waiting.msg_id = chosen.msg_id returning waiting.msg_id
     ), forgotten as (
       delete from queueing.failures using gone where failures.queue = $2 and failures.msg_id = gone.msg_id
     )
     select count(*)::integer from gone',
    'q_' || queue
  ) using quantity, queue into purged;
  return purged;
end
$$;

comment on function queueing.purge(text, integer) is
  'Delete up to so many messages of a queue for good, those due first; returns how many. Dead letters stay.';

revoke execute on function
  queueing.peek(text, timestamptz, bigint, integer),
  queueing.dead_letters(text, timestamptz, text, bigint, integer),
  queueing.purge(text, integer)
from public;
grant execute on function
  queueing.peek(text, timestamptz, bigint, integer),
  queueing.dead_letters(text, timestamptz, text, bigint, integer),
  queueing.purge(text, integer)
to zmarty_api;
