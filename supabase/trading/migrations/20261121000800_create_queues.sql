-- The job queues with their dead letters, the wake-up by NOTIFY, coalesced sending and the memory of failures.
set local lock_timeout = '5s';

create table queueing.failures (
  queue text not null,
  msg_id bigint not null,
  code text not null,
  error text not null,
  first_failed_at timestamptz not null default now(),
  last_failed_at timestamptz not null default now(),
  primary key (queue, msg_id)
);

comment on table queueing.failures is 'One row for each message that failed and will be tried again.';

create function queueing.notify_sent() returns trigger
language plpgsql
set search_path = ''
as $$
begin
  perform pg_catalog.pg_notify('zmarty_queue', tg_argv[0]);
  return null;
end
$$;

comment on function queueing.notify_sent() is
  'Wakes the consumers. For each statement and not for each row: a batch of a hundred wakes once.';
revoke execute on function queueing.notify_sent() from public;

create function queueing.create_queue(queue_name text) returns void
language plpgsql
set search_path = ''
as $$
declare
  table_name text;
begin
  perform pgmq.create(queue_name);
  perform pgmq.create(queue_name || '_dead');
  execute format(
    'create trigger notify_sent after insert on pgmq.%I for each statement execute function queueing.notify_sent(%L)',
    'q_' || queue_name, queue_name
  );
  -- What coalesces equal work while it is unread; messages sent by hand carry no key and are never merged away.
  execute format(
    'create unique index %I on pgmq.%I ((message ->> ''key'')) where read_ct = 0 and message ? ''key''',
    'q_' || queue_name || '_unread_once', 'q_' || queue_name
  );
  -- A queue's rows live for seconds: vacuum by count, not by a share of a table that is mostly empty.
  execute format(
    'alter table pgmq.%I set (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_cost_delay = 0)',
    'q_' || queue_name
  );
  foreach table_name in array array[
    'q_' || queue_name, 'a_' || queue_name, 'q_' || queue_name || '_dead', 'a_' || queue_name || '_dead'
  ]
  loop
    execute format('alter table pgmq.%I enable row level security', table_name);
    execute format(
      'create policy services_keep on pgmq.%I to zmarty_api, zmarty_worker using (true) with check (true)', table_name
    );
    execute format('grant select, insert, update, delete on pgmq.%I to zmarty_api, zmarty_worker', table_name);
  end loop;
  -- pgmq.metrics reads the total from the sequence.
  execute format(
    'grant usage, select on sequence pgmq.%I, pgmq.%I to zmarty_api, zmarty_worker',
    'q_' || queue_name || '_msg_id_seq', 'q_' || queue_name || '_dead_msg_id_seq'
  );
end
$$;

comment on function queueing.create_queue(text) is
  'A queue and its dead letters with everything that Zmarty adds to pgmq''s tables. Migrations call it; services never do.';
revoke execute on function queueing.create_queue(text) from public;

create function queueing.send_once(queue_name text, message jsonb) returns bigint
language plpgsql
set search_path = ''
as $$
declare
  sent bigint;
begin
  -- jsonb writes its keys in one order, so that equal payloads have equal text.
  select send into sent
  from pgmq.send(queue_name::text, (message || jsonb_build_object('key', md5(message::text)))::jsonb);
  return sent;
exception
  when unique_violation then
    return null;
end
$$;

comment on function queueing.send_once(text, jsonb) is
  'Send a message unless an equal one of ours waits unread; returns its id, or null when it was absorbed.';
revoke execute on function queueing.send_once(text, jsonb) from public;
grant execute on function queueing.send_once(text, jsonb) to zmarty_api, zmarty_worker;

select queueing.create_queue('ingest_indicators');
select queueing.create_queue('compute_signals');
select queueing.create_queue('compute_winrate');

alter table queueing.failures enable row level security;
create policy services_keep on queueing.failures to zmarty_api, zmarty_worker using (true) with check (true);
grant select, insert, update, delete on queueing.failures to zmarty_api, zmarty_worker;

grant usage on schema pgmq to zmarty_api, zmarty_worker;
grant select on all tables in schema pgmq to zmarty_api, zmarty_worker;
grant execute on all functions in schema pgmq to zmarty_api, zmarty_worker;
