-- The most that a user lets a request or a day cost. The limits are checked where credits are held, never in a browser.
set local lock_timeout = '5s';

select private.refuse_clash(array['spending_limits']);

create table public.spending_limits (
  user_id uuid primary key references auth.users (id) on delete cascade,
  per_request integer constraint spending_limits_request_bounded check (per_request between 1 and 1000000),
  per_day integer constraint spending_limits_day_bounded check (per_day between 0 and 1000000),
  updated_at timestamptz not null default now()
);

comment on column public.spending_limits.per_day is 'Of a day in UTC. Zero stops all spending.';

create trigger touch_updated_at before update on public.spending_limits
for each row execute function private.touch_updated_at();

alter table public.spending_limits enable row level security;
revoke all on public.spending_limits from anon, authenticated;
grant select on public.spending_limits to authenticated, zmarty_api;
-- Written through the API alone, which writes for whom the token names.
grant insert, update on public.spending_limits to zmarty_api;
create policy owner_reads on public.spending_limits for select to authenticated using ((select auth.uid()) = user_id);
create policy api_keeps on public.spending_limits to zmarty_api using (true) with check (true);
