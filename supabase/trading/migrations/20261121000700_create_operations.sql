-- What an operator looks at: the latest errors of the services, and which workers are alive and getting on.
set local lock_timeout = '5s';

create table public.recent_errors (
  id bigint generated always as identity primary key,
  service text not null,
  code text not null,
  message text not null,
  request_id text,
  queue text,
  msg_id bigint,
  occurred_at timestamptz not null default now()
);

create index recent_errors_newest on public.recent_errors (occurred_at desc);

create table public.worker_heartbeats (
  worker_id text primary key,
  started_at timestamptz not null,
  beat_at timestamptz not null,
  progressed_at timestamptz not null,
  version text not null,
  metrics jsonb not null default '{}'
);

comment on column public.worker_heartbeats.progressed_at is
  'When the worker''s loops last went round. A fresh beat_at with an old progressed_at is a stalled worker.';

alter table public.recent_errors enable row level security;
alter table public.worker_heartbeats enable row level security;
revoke all on public.recent_errors, public.worker_heartbeats from anon, authenticated;
grant select, insert, delete on public.recent_errors to zmarty_api, zmarty_worker;
grant select on public.worker_heartbeats to zmarty_api;
grant select, insert, update, delete on public.worker_heartbeats to zmarty_worker;
create policy api_keeps on public.recent_errors to zmarty_api using (true) with check (true);
create policy worker_keeps on public.recent_errors to zmarty_worker using (true) with check (true);
create policy api_reads on public.worker_heartbeats for select to zmarty_api using (true);
create policy worker_keeps on public.worker_heartbeats to zmarty_worker using (true) with check (true);
