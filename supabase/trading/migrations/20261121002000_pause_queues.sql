-- A paused queue takes messages in and hands none out. The mark is a row, so that a pause survives every restart.
set local lock_timeout = '5s';

create table queueing.pauses (
  queue text primary key,
  paused_at timestamptz not null default now(),
  paused_by text not null
);

comment on table queueing.pauses is 'One row for each paused queue. The statement that leases messages looks here.';

create function queueing.pause(queue text, actor text) returns boolean
language plpgsql
set search_path = ''
as $$
begin
  if not exists (select from pgmq.meta where queue_name = pause.queue) then
    raise exception 'there is no queue named %', pause.queue using errcode = 'undefined_object';
  end if;
  -- The first pause stands: who stopped a queue matters more than who asked again.
  insert into queueing.pauses (queue, paused_by)
  values (pause.queue, pause.actor)
  on conflict on constraint pauses_pkey do nothing;
  return found;
end
$$;

comment on function queueing.pause(text, text) is
  'Stop handing out messages of a queue; says whether it was running. What is leased already goes on to its end.';

create function queueing.resume(queue text) returns boolean
language plpgsql
set search_path = ''
as $$
begin
  delete from queueing.pauses where pauses.queue = resume.queue;
  if not found then
    return false;
  end if;
  -- Whatever became due meanwhile is taken at once and not at the next poll.
  perform pg_catalog.pg_notify('zmarty_queue', resume.queue);
  return true;
end
$$;

comment on function queueing.resume(text) is 'Hand out messages again; says whether the queue was paused.';

alter table queueing.pauses enable row level security;
create policy api_keeps on queueing.pauses to zmarty_api using (true) with check (true);
create policy worker_reads on queueing.pauses for select to zmarty_worker using (true);
grant select, insert, delete on queueing.pauses to zmarty_api;
grant select on queueing.pauses to zmarty_worker;

revoke execute on function queueing.pause(text, text), queueing.resume(text) from public;
grant execute on function queueing.pause(text, text), queueing.resume(text) to zmarty_api;
