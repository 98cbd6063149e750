-- Changes on their way to the trading database. A row is written in the transaction of the change that it tells of.
set local lock_timeout = '5s';

create table public.outbox (
  id bigint generated always as identity primary key,
  user_id uuid not null,
  payload jsonb not null,
  attempts integer not null default 0,
  claimed_by text,
  claimed_until timestamptz,
  due_at timestamptz not null default now(),
  delivered_at timestamptz,
  parked_at timestamptz,
  last_error text,
  created_at timestamptz not null default now()
);

comment on column public.outbox.due_at is 'Not to be tried before; moved on by the backoff after a failure.';
comment on column public.outbox.parked_at is 'Refused for good; waits for an operator and holds nobody else up.';

-- Finds the oldest undelivered row of each user.
create index outbox_undelivered on public.outbox (user_id, id) where delivered_at is null and parked_at is null;
create index outbox_of_user on public.outbox (user_id, id desc);
create index outbox_parked on public.outbox (id) where parked_at is not null;
create index outbox_delivered on public.outbox (delivered_at) where delivered_at is not null;

alter table public.outbox enable row level security;
revoke all on public.outbox from anon, authenticated;
grant select, update on public.outbox to zmarty_worker;
grant select on public.outbox to zmarty_api;
create policy worker_relays on public.outbox to zmarty_worker using (true) with check (true);
create policy api_reads on public.outbox for select to zmarty_api using (true);

create function private.notify_outbox() returns trigger
language plpgsql
set search_path = ''
as $$
begin
  perform pg_catalog.pg_notify('zmarty_outbox', '');
  return null;
end
$$;
revoke execute on function private.notify_outbox() from public;

create trigger notify_outbox after insert on public.outbox
for each statement execute function private.notify_outbox();
