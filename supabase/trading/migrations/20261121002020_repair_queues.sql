-- What Zmarty adds to pgmq's tables, in one place that makes it and makes it again: an upgrade of pgmq may take it away.
set local lock_timeout = '5s';

create function queueing.repair_queue(queue_name text) returns text[]
language plpgsql
set search_path = ''
as $$
declare
  live constant text := 'q_' || queue_name;
  once constant text := live || '_unread_once';
  -- A queue's rows live for seconds: vacuum by count, not by a share of a table that is mostly empty.
  settings constant text[] := array[
    'autovacuum_vacuum_scale_factor=0', 'autovacuum_vacuum_threshold=2000', 'autovacuum_vacuum_cost_delay=0'
  ];
  services constant text[] := array['zmarty_api', 'zmarty_worker'];
  relation oid := to_regclass(format('pgmq.%I', live));
  table_name text;
  role_name text;
  repaired text[] := '{}';
begin
  if not exists (
    select
    from pg_catalog.pg_trigger
    where tgrelid = relation and tgname = 'notify_sent' and tgenabled <> 'D'
      and tgfoid = 'queueing.notify_sent()'::regprocedure
  ) then
    execute format('drop trigger if exists notify_sent on pgmq.%I', live);
    execute format(
      'create trigger notify_sent after insert on pgmq.%I for each statement execute function queueing.notify_sent(%L)',
      live, queue_name
    );
    repaired := repaired || format('trigger notify_sent on %s', live);
  end if;

  -- What coalesces equal work while it is unread; messages sent by hand carry no key and are never merged away.
  if not exists (
    select
    from pg_catalog.pg_index
    where indrelid = relation and indexrelid = to_regclass(format('pgmq.%I', once)) and indisvalid and indisunique
  ) then
    execute format('drop index if exists pgmq.%I', once);
    -- While it was missing, equal work may have been sent twice. It loses its key and is done twice, never lost.
    execute format(
      $once$
      update pgmq.%1$I
      set message = message - 'key'
      where read_ct = 0 and message ? 'key' and msg_id not in (
        select min(msg_id) from pgmq.%1$I where read_ct = 0 and message ? 'key' group by message ->> 'key'
      )
      $once$,
      live
    );
    execute format(
      'create unique index %I on pgmq.%I ((message ->> ''key'')) where read_ct = 0 and message ? ''key''', once, live
    );
    repaired := repaired || format('index %s', once);
  end if;

  -- pgmq's own; without it each lease would walk through the whole queue.
  if not exists (
    select
    from pg_catalog.pg_index
    join pg_catalog.pg_attribute on attrelid = indrelid and attnum = indkey[0]
    where indrelid = relation and attname = 'vt' and indisvalid
  ) then
    execute format('create index %I on pgmq.%I (vt)', live || '_vt_idx', live);
    repaired := repaired || format('index %s_vt_idx', live);
  end if;

  if not coalesce((select reloptions @> settings from pg_catalog.pg_class where oid = relation), false) then
    execute format('alter table pgmq.%I set (%s)', live, array_to_string(settings, ', '));
    repaired := repaired || format('autovacuum of %s', live);
  end if;

  foreach table_name in array array[live, 'a_' || queue_name, live || '_dead', 'a_' || queue_name || '_dead'] loop
    relation := to_regclass(format('pgmq.%I', table_name));
    if not (select relrowsecurity from pg_catalog.pg_class where oid = relation) then
      execute format('alter table pgmq.%I enable row level security', table_name);
      repaired := repaired || format('row level security of %s', table_name);
    end if;
    if not exists (select from pg_catalog.pg_policy where polrelid = relation and polname = 'services_keep') then
      execute format(
        'create policy services_keep on pgmq.%I to zmarty_api, zmarty_worker using (true) with check (true)', table_name
      );
      repaired := repaired || format('policy of %s', table_name);
    end if;
    foreach role_name in array services loop
      if not (
        has_table_privilege(role_name, relation, 'select') and has_table_privilege(role_name, relation, 'insert')
        and has_table_privilege(role_name, relation, 'update') and has_table_privilege(role_name, relation, 'delete')
      ) then
        execute format('grant select, insert, update, delete on pgmq.%I to %I', table_name, role_name);
        repaired := repaired || format('rights of %s on %s', role_name, table_name);
      end if;
    end loop;
  end loop;

  -- pgmq.metrics reads the total from the sequence.
  foreach table_name in array array[live || '_msg_id_seq', live || '_dead_msg_id_seq'] loop
    foreach role_name in array services loop
      if not (
        has_sequence_privilege(role_name, format('pgmq.%I', table_name), 'usage')
        and has_sequence_privilege(role_name, format('pgmq.%I', table_name), 'select')
      ) then
        execute format('grant usage, select on sequence pgmq.%I to %I', table_name, role_name);
        repaired := repaired || format('rights of %s on %s', role_name, table_name);
      end if;
    end loop;
  end loop;
  return repaired;
end
$$;

comment on function queueing.repair_queue(text) is
  'Give a queue whatever it lacks of what Zmarty adds to pgmq''s tables; names what was missing. Looks only, when nothing is.';
revoke execute on function queueing.repair_queue(text) from public;

create or replace function queueing.create_queue(queue_name text) returns void
language plpgsql
set search_path = ''
as $$
begin
  perform pgmq.create(queue_name);
  perform pgmq.create(queue_name || '_dead');
  perform queueing.repair_queue(queue_name);
end
$$;

-- Only the owner of a table may repair it, and the workers notice first, hence the definer.
create function queueing.repair_queues() returns setof text
language plpgsql
security definer
set search_path = ''
-- A repair waits for the statements that run; they must not wait long for it.
set lock_timeout = '2s'
as $$
declare
  queue_name text;
begin
  -- One at a time is enough, and two would wait for each other.
  if not pg_try_advisory_xact_lock(hashtext('queueing.repair_queues')) then
    return;
  end if;
  for queue_name in select names from queueing.names() loop
    begin
      return query select unnest(queueing.repair_queue(queue_name));
    exception
      when lock_not_available then
        raise warning 'queue % is too busy to be repaired now; the next look tries again', queue_name;
    end;
  end loop;
end
$$;

comment on function queueing.repair_queues() is
  'Repair every job queue; one row for each thing that was missing. Workers call it at their start and now and then.';
revoke execute on function queueing.repair_queues() from public;
grant execute on function queueing.repair_queues() to zmarty_worker, zmarty_api;
