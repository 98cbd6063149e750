-- What an operator looks at: the latest errors, and who changed what by hand.
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

create table public.audit_log (
  id bigint generated always as identity primary key,
  actor text not null,
  action text not null,
  entity text not null,
  old jsonb,
  new jsonb,
  ip inet,
  user_agent text,
  created_at timestamptz not null default now()
);

create index audit_log_newest on public.audit_log (created_at desc);

alter table public.recent_errors enable row level security;
alter table public.audit_log enable row level security;
revoke all on public.recent_errors, public.audit_log from anon, authenticated;
grant select, insert, delete on public.recent_errors to zmarty_api, zmarty_worker;
grant select, insert on public.audit_log to zmarty_api;
create policy api_keeps on public.recent_errors to zmarty_api using (true) with check (true);
create policy worker_keeps on public.recent_errors to zmarty_worker using (true) with check (true);
create policy api_appends on public.audit_log for insert to zmarty_api with check (true);
create policy api_reads on public.audit_log for select to zmarty_api using (true);
