-- Who the users are, as far as trading needs to know: mirrored from the chat database as snapshots, like watchers.
set local lock_timeout = '5s';

select private.refuse_clash(array['user_references']);

create table public.user_references (
  user_id uuid primary key,
  email text,
  tier text not null,
  credits_balance integer not null,
  is_active boolean not null,
  version bigint not null,
  created_at timestamptz not null default now(),
  synced_at timestamptz not null default now()
);

comment on table public.user_references is
  'The state of a user at most a minute old. Nothing is charged or allowed by it: for that, ask the chat database.';
comment on column public.user_references.version is
  'The outbox id of the newest snapshot applied. Only greater ones apply; a user who left is an inactive row.';

alter table public.user_references enable row level security;
revoke all on public.user_references from anon, authenticated;
grant select on public.user_references to zmarty_api, zmarty_worker;
create policy services_read on public.user_references for select to zmarty_api, zmarty_worker using (true);
