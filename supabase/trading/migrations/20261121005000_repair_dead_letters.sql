-- What an operator does with dead letters: send the original again, or put the letter aside. Each is one transaction.
set local lock_timeout = '5s';

create function queueing.require_queue(queue text) returns void
language plpgsql
stable
set search_path = ''
as $$
begin
  -- Names of tables are put together from this text: only a job queue, which has dead letters of its own, may pass.
  if queue is null or queue not in (select names from queueing.names()) then
    raise exception 'there is no queue %', coalesce(queue, '(null)')
      using errcode = 'undefined_object',
            hint = format('There are %s.', (select string_agg(names, ', ') from queueing.names()));
  end if;
end
$$;

comment on function queueing.require_queue(text) is
  'Raises undefined_object, naming the queues there are, unless this is a job queue with its dead letters.';

create function queueing.require_few(msg_ids bigint[]) returns void
language plpgsql
immutable
set search_path = ''
as $$
declare
  letters_max constant integer := 1000;
begin
  if msg_ids is null or cardinality(msg_ids) > letters_max or array_position(msg_ids, null) is not null then
    raise exception 'name at most % messages at a time', letters_max using errcode = 'invalid_parameter_value';
  end if;
end
$$;

comment on function queueing.require_few(bigint[]) is
  'Raises invalid_parameter_value for a list that one short transaction should not work through.';

create function queueing.retry_dead(queue text, msg_ids bigint[]) returns integer
language plpgsql
set search_path = ''
as $$
declare
  letter record;
  retried integer := 0;
begin
  perform queueing.require_queue(queue);
  perform queueing.require_few(msg_ids);
  for letter in execute format(
    -- The delete locks the letters: of two operators who retry the same one, the second finds nothing.
    -- A letter that somebody wrote by hand, without an original, stays: there is nothing to send.
    'with taken as (
       delete from pgmq.%1$I
       where msg_id = any ($1) and jsonb_typeof(message) = ''object'' and message ? ''original''
       returning msg_id, read_ct, enqueued_at, vt, message
     ), kept as (
       insert into pgmq.%2$I (msg_id, read_ct, enqueued_at, vt, message)
       select msg_id, read_ct, enqueued_at, vt, message from taken
     )
     -- In key order, as every batch that may be coalesced: two senders then cannot wait for each other.
     select message -> ''original'' as original
     from taken
     order by message -> ''original'' ->> ''key'', msg_id',
    'q_' || queue || '_dead', 'a_' || queue || '_dead'
  ) using msg_ids
  loop
    if jsonb_typeof(letter.original) = 'object' and letter.original ? 'key' then
      -- Coalesced work stays coalesced: when equal work waits already, that is the retry.
      perform queueing.send_once(queue, letter.original - 'key');
    else
      perform pgmq.send(queue::text, letter.original::jsonb);
    end if;
    retried := retried + 1;
  end loop;
  return retried;
end
$$;

comment on function queueing.retry_dead(text, bigint[]) is
  'Send the originals of these dead letters as new messages and archive the letters; returns how many. Those that are '
  'gone, or hold no original, are left as they are. Calling it again changes nothing more.';

create function queueing.discard_dead(queue text, msg_ids bigint[]) returns integer
language plpgsql
set search_path = ''
as $$
declare
  discarded integer;
begin
  perform queueing.require_queue(queue);
  perform queueing.require_few(msg_ids);
  execute format(
    'with taken as (
       delete from pgmq.%1$I where msg_id = any ($1) returning msg_id, read_ct, enqueued_at, vt, message
     )
     insert into pgmq.%2$I (msg_id, read_ct, enqueued_at, vt, message)
     select msg_id, read_ct, enqueued_at, vt, message from taken',
    'q_' || queue || '_dead', 'a_' || queue || '_dead'
  ) using msg_ids;
  get diagnostics discarded = row_count;
  return discarded;
end
$$;

comment on function queueing.discard_dead(text, bigint[]) is
  'Archive these dead letters without doing their work; returns how many there were.';

revoke execute on function
  queueing.require_queue(text), queueing.require_few(bigint[]), queueing.retry_dead(text, bigint[]),
  queueing.discard_dead(text, bigint[])
from public;
-- They run with the caller's rights, which already reach the tables of the queues; the checks are called from them.
grant execute on function
  queueing.require_queue(text), queueing.require_few(bigint[]), queueing.retry_dead(text, bigint[]),
  queueing.discard_dead(text, bigint[])
to zmarty_api;
