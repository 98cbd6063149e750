-- What each source of a vendor was asked in a month and what became of it; dollars beside the quota of requests.
set local lock_timeout = '5s';

select private.refuse_clash(array['source_usage', 'source_standing']);

create table public.source_usage (
  vendor text not null,
  source text not null,
  month date not null,
  asked bigint not null default 0,
  answered bigint not null default 0,
  dropped bigint not null default 0,
  asked_at timestamptz,
  answered_at timestamptz,
  dropped_at timestamptz,
  failure text,
  primary key (vendor, source, month)
);

comment on table public.source_usage is
  'What a vendor was asked by source in each month of UTC; some three hundred rows a year, kept.';
comment on column public.source_usage.dropped is 'Requests left out to keep the month''s quota for more valuable sources.';
comment on column public.source_usage.failure is 'Why the newest request failed; null when it was answered.';

alter table public.vendor_limits
  add column monthly_dollars numeric constraint vendor_limits_dollars_not_negative check (monthly_dollars >= 0);
alter table public.vendor_usage add column dollars numeric not null default 0;

comment on column public.vendor_limits.monthly_dollars is
  'What a calendar month of UTC may cost, where requests are paid one by one; null when they are not.';
comment on column public.vendor_usage.dollars is 'Spent, and reserved for requests under way.';

-- X and news through xAI's search: at most two symbols around the clock, or more of them for a part of the day.
insert into public.vendor_limits (vendor, per_second, burst, monthly_quota, monthly_dollars)
values ('xai_search', 1, 1, 1500, 50);

create or replace view public.vendor_standing with (security_invoker = true) as
select
  l.vendor,
  l.per_second,
  l.burst,
  round(
    l.burst - l.per_second * extract(epoch from greatest(l.full_at, statement_timestamp()) - statement_timestamp()), 3
  ) as tokens,
  l.monthly_quota,
  coalesce(u.requests, 0) as requests,
  coalesce(u.weight, 0) as weight,
  coalesce(u.refused, 0) as refused,
  coalesce(u.limited, 0) as limited,
  coalesce(u.requests >= l.monthly_quota * l.warn_share or u.dollars >= l.monthly_dollars * l.warn_share, false) as is_low,
  case when l.paused_until > statement_timestamp() then l.paused_until end as paused_until,
  case when l.paused_until > statement_timestamp() then l.paused_because end as paused_because,
  l.monthly_dollars,
  coalesce(u.dollars, 0) as dollars
from public.vendor_limits as l
left join public.vendor_usage as u
  on u.vendor = l.vendor and u.month = date_trunc('month', statement_timestamp() at time zone 'UTC')::date;

create view public.source_standing with (security_invoker = true) as
select
  newest.vendor,
  newest.source,
  case when newest.month = this.month then newest.asked else 0 end as asked,
  case when newest.month = this.month then newest.answered else 0 end as answered,
  case when newest.month = this.month then newest.dropped else 0 end as dropped,
  newest.asked_at,
  newest.answered_at,
  newest.dropped_at,
  newest.failure
from (
  select distinct on (u.vendor, u.source)
    u.vendor, u.source, u.month, u.asked, u.answered, u.dropped, u.failure,
    max(u.asked_at) over same as asked_at,
    max(u.answered_at) over same as answered_at,
    max(u.dropped_at) over same as dropped_at
  from public.source_usage as u
  window same as (partition by u.vendor, u.source)
  order by u.vendor, u.source, u.month desc
) as newest
cross join (select date_trunc('month', statement_timestamp() at time zone 'UTC')::date as month) as this;

comment on view public.source_standing is
  'For operators: what each source was asked this month, was answered and had to leave out, and when it last answered.';

alter table public.source_usage enable row level security;
revoke all on public.source_usage, public.source_standing from anon, authenticated;
grant select on public.source_usage, public.source_standing to zmarty_api, zmarty_worker;
grant insert, update on public.source_usage to zmarty_worker;
create policy api_reads on public.source_usage for select to zmarty_api using (true);
create policy worker_keeps on public.source_usage to zmarty_worker using (true) with check (true);
