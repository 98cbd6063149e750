-- What happens to messages and watchers, written down by triggers in the very transactions that do it. The product knows
-- nothing of this; a transaction that is rolled back leaves no trace here either.
create schema chaos;

create table chaos.moves (
  id bigint generated always as identity primary key,
  kind text not null,
  queue text not null,
  msg_id bigint not null,
  body jsonb,
  actor text not null default session_user,
  transaction text not null default pg_current_xact_id()::text,
  seen_at timestamptz not null default clock_timestamp()
);

create table chaos.applied (
  id bigint generated always as identity primary key,
  user_id uuid not null,
  symbol text,
  timeframe text,
  version bigint not null,
  seen_at timestamptz not null default clock_timestamp()
);

create function chaos.note_move() returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  if tg_op = 'DELETE' then
    insert into chaos.moves (kind, queue, msg_id) values (tg_argv[0], tg_argv[1], old.msg_id);
  else
    insert into chaos.moves (kind, queue, msg_id, body) values (tg_argv[0], tg_argv[1], new.msg_id, new.message);
  end if;
  return null;
end
$$;

create function chaos.note_applied() returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  insert into chaos.applied (user_id, symbol, timeframe, version)
  values (new.user_id, to_jsonb(new) ->> 'symbol', to_jsonb(new) ->> 'timeframe', new.version);
  return null;
end
$$;

grant usage on schema chaos to public;
grant execute on all functions in schema chaos to public;

do $$
declare
  job_queue text;
begin
  for job_queue in select names from queueing.names() loop
    execute format(
      'create trigger chaos_sent after insert on pgmq.%I for each row execute function chaos.note_move(''sent'', %L)',
      'q_' || job_queue, job_queue
    );
    execute format(
      'create trigger chaos_removed after delete on pgmq.%I for each row execute function chaos.note_move(''removed'', %L)',
      'q_' || job_queue, job_queue
    );
    execute format(
      'create trigger chaos_archived after insert on pgmq.%I for each row execute function chaos.note_move(''archived'', %L)',
      'a_' || job_queue, job_queue
    );
    execute format(
      'create trigger chaos_buried after insert on pgmq.%I for each row execute function chaos.note_move(''buried'', %L)',
      'q_' || job_queue || '_dead', job_queue
    );
    -- What cron sent before anybody watched; the triggers' locks keep others out until this is committed.
    execute format(
      'insert into chaos.moves (kind, queue, msg_id, body) select ''sent'', %L, msg_id, message from pgmq.%I',
      job_queue, 'q_' || job_queue
    );
  end loop;
end
$$;

create trigger chaos_applied after insert or update on public.watchers
for each row execute function chaos.note_applied();
create trigger chaos_applied after insert or update on public.user_references
for each row execute function chaos.note_applied();
