-- Work that somebody waits for: its progress, its result, and the wish to stop it. The work itself is a queue message.
set local lock_timeout = '5s';

select private.refuse_clash(array['jobs']);

create table public.jobs (
  id uuid primary key default gen_random_uuid(),
  user_id uuid,
  kind text not null constraint jobs_kind_named check (kind ~ '^[a-z][a-z0-9_]{0,39}$'),
  state text not null default 'queued'
    constraint jobs_state_known check (state in ('queued', 'running', 'done', 'failed', 'cancelled')),
  progress numeric not null default 0 constraint jobs_progress_bounded check (progress between 0 and 1),
  detail jsonb not null default '{}' constraint jobs_detail_bounded check (pg_column_size(detail) <= 16384),
  result jsonb constraint jobs_result_bounded check (pg_column_size(result) <= 65536),
  error text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  cancel_requested_at timestamptz,
  ended_at timestamptz,
  constraint jobs_ended_once check ((state in ('done', 'failed', 'cancelled')) = (ended_at is not null))
);

comment on column public.jobs.user_id is 'Who waits for it; null for the system''s own jobs, which operators see.';
comment on column public.jobs.cancel_requested_at is
  'A queued job is cancelled at once; a running one reads this at its next progress call.';

create index jobs_of_user on public.jobs (user_id, created_at desc, id desc);
create index jobs_ended on public.jobs (ended_at) where ended_at is not null;
create index jobs_open on public.jobs (updated_at) where ended_at is null;

alter table public.jobs enable row level security;
revoke all on public.jobs from anon, authenticated;
grant select, insert, update on public.jobs to zmarty_api, zmarty_worker;
create policy api_keeps on public.jobs to zmarty_api using (true) with check (true);
create policy worker_keeps on public.jobs to zmarty_worker using (true) with check (true);

create function private.keep_up_jobs() returns void
language plpgsql
set search_path = ''
as $$
declare
  rows_max constant integer := 100000;
  kept constant interval := '30 days';
  -- A job whose message was buried or purged would otherwise stay open for good.
  silent_for constant interval := '1 day';
begin
  update public.jobs
  set state = 'failed', error = 'abandoned: nothing was heard of it for a day', ended_at = now(), updated_at = now()
  where id in (
    select id from public.jobs where ended_at is null and updated_at < now() - silent_for order by updated_at limit rows_max
  );
  delete from public.jobs
  where id in (select id from public.jobs where ended_at < now() - kept order by ended_at limit rows_max);
end
$$;

comment on function private.keep_up_jobs() is 'Daily upkeep of jobs: silent ones fail, those that ended long ago go.';
revoke execute on function private.keep_up_jobs() from public;

select cron.schedule('upkeep-jobs', '29 3 * * *', 'select private.keep_up_jobs()');
