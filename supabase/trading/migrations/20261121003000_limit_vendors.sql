-- What we may ask of each vendor, shared by all processes: a token bucket, a monthly quota, a pause. Operators change the rows.
set local lock_timeout = '5s';

select private.refuse_clash(array['vendor_limits', 'vendor_usage', 'vendor_standing']);

create table public.vendor_limits (
  vendor text primary key,
  per_second numeric not null,
  burst numeric not null,
  monthly_quota bigint,
  warn_share numeric not null default 0.8,
  full_at timestamptz not null default '-infinity',
  paused_until timestamptz,
  paused_because text,
  warned_on date,
  constraint vendor_limits_per_second_positive check (per_second > 0),
  constraint vendor_limits_burst_at_least_one check (burst >= 1),
  constraint vendor_limits_quota_not_negative check (monthly_quota >= 0),
  constraint vendor_limits_warn_share_is_one check (warn_share > 0 and warn_share <= 1)
)
-- One row a vendor, rewritten with every request: room beside it keeps the rewriting within its page.
with (fillfactor = 50);

comment on table public.vendor_limits is
  'One row a vendor; a vendor without one is counted but not limited. Operators change the first five columns, the others are the buckets themselves.';
comment on column public.vendor_limits.per_second is 'Weight that flows back in a second. One request weighs 1 unless its client says more.';
comment on column public.vendor_limits.burst is 'Weight that may be spent at once.';
comment on column public.vendor_limits.monthly_quota is 'Requests in a calendar month of UTC; null when there is no quota.';
comment on column public.vendor_limits.full_at is
  'When the bucket is full if nobody takes more: what is missing from it now is (full_at - now) * per_second.';

create table public.vendor_usage (
  vendor text not null,
  month date not null,
  requests bigint not null default 0,
  weight numeric not null default 0,
  refused bigint not null default 0,
  limited bigint not null default 0,
  primary key (vendor, month)
);

comment on table public.vendor_usage is 'What each vendor was asked in each month of UTC; twelve rows a year, kept.';
comment on column public.vendor_usage.refused is 'Requests that our own limits kept back.';
comment on column public.vendor_usage.limited is 'Requests that the vendor refused because we asked too often.';

-- Strict where the vendor's word is uncertain. Binance: 1,200 of weight in each minute of its clock; a full bucket and
-- the minute's flow together (300 + 60 * 15) stay within it, wherever the minute starts.
insert into public.vendor_limits (vendor, per_second, burst, monthly_quota) values
  ('cryptometer', 1, 3, 100000),
  ('binance', 15, 300, null),
  ('king_fisher', 1, 5, null);

create function private.admit_request(
  vendor_name text, request_weight numeric, wait_max_seconds double precision
) returns table (verdict text, wait_seconds double precision, used bigint, quota bigint, is_low boolean)
language plpgsql
set search_path = ''
as $$
declare
  bucket record;
  asked_at timestamptz;
  this_month date;
  full_again_at timestamptz;
begin
  -- This lock is the whole of the atomicity: callers of all processes line up here, one vendor at a time.
  select l.per_second, l.burst, l.monthly_quota, l.warn_share, l.full_at, l.paused_until, l.warned_on
  into bucket
  from public.vendor_limits as l
  where l.vendor = vendor_name
  for update;
  -- Read after the lock: now() is when the statement began to wait for it.
  asked_at := pg_catalog.clock_timestamp();
  this_month := pg_catalog.date_trunc('month', asked_at at time zone 'UTC')::date;
  -- A statement of its own, so that it sees what the holder of the lock before us has counted.
  select u.requests into used from public.vendor_usage as u where u.vendor = vendor_name and u.month = this_month;
  used := coalesce(used, 0);
  quota := bucket.monthly_quota;
  verdict := 'admitted';
  wait_seconds := 0;

  if bucket.per_second is not null then
    full_again_at := greatest(bucket.full_at, asked_at)
      + pg_catalog.make_interval(secs => (request_weight / bucket.per_second)::double precision);
    wait_seconds := greatest(
      0,
      extract(epoch from full_again_at - asked_at)::double precision
        - (bucket.burst / bucket.per_second)::double precision
    );
    if used >= quota then
      verdict := 'quota_used';
      wait_seconds := extract(epoch from (this_month + interval '1 month') at time zone 'UTC' - asked_at);
    elsif wait_seconds > wait_max_seconds then
      -- Refused requests take nothing: who is told to come back later leaves the others' turns alone.
      verdict := case when bucket.paused_until > asked_at then 'paused' else 'limited' end;
    else
      used := used + 1;
      update public.vendor_limits as l set full_at = full_again_at where l.vendor = vendor_name;
    end if;
    is_low := used >= quota * bucket.warn_share and bucket.warned_on is distinct from (asked_at at time zone 'UTC')::date;
    if is_low then
      update public.vendor_limits as l
      set warned_on = (asked_at at time zone 'UTC')::date
      where l.vendor = vendor_name;
    end if;
  end if;
  is_low := coalesce(is_low, false);

  insert into public.vendor_usage as u (vendor, month, requests, weight, refused)
  values (
    vendor_name,
    this_month,
    (verdict = 'admitted')::integer,
    case when verdict = 'admitted' then request_weight else 0 end,
    (verdict <> 'admitted')::integer
  )
  on conflict (vendor, month) do update
  set requests = u.requests + excluded.requests,
      weight = u.weight + excluded.weight,
      refused = u.refused + excluded.refused;
  return next;
end
$$;

comment on function private.admit_request(text, numeric, double precision) is
  'Take a turn at a vendor: admitted (after wait_seconds, at most the maximum), limited, paused or quota_used (then wait_seconds says when to ask again). is_low is true for one caller a day once the quota is nearly used.';
revoke execute on function private.admit_request(text, numeric, double precision) from public;
grant execute on function private.admit_request(text, numeric, double precision) to zmarty_worker;

create view public.vendor_standing with (security_invoker = true) as
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
  coalesce(u.requests >= l.monthly_quota * l.warn_share, false) as is_low,
  case when l.paused_until > statement_timestamp() then l.paused_until end as paused_until,
  case when l.paused_until > statement_timestamp() then l.paused_because end as paused_because
from public.vendor_limits as l
left join public.vendor_usage as u
  on u.vendor = l.vendor and u.month = date_trunc('month', statement_timestamp() at time zone 'UTC')::date;

comment on view public.vendor_standing is
  'For operators: each vendor''s limits, its tokens (below zero: turns given out ahead), this month''s usage and its pause.';

alter table public.vendor_limits enable row level security;
alter table public.vendor_usage enable row level security;
revoke all on public.vendor_limits, public.vendor_usage, public.vendor_standing from anon, authenticated;
grant select on public.vendor_limits, public.vendor_usage, public.vendor_standing to zmarty_api, zmarty_worker;
-- The buckets, not the limits: a worker never allows itself more.
grant update (full_at, paused_until, paused_because, warned_on) on public.vendor_limits to zmarty_worker;
grant insert, update on public.vendor_usage to zmarty_worker;
create policy api_reads on public.vendor_limits for select to zmarty_api using (true);
create policy worker_keeps on public.vendor_limits to zmarty_worker using (true) with check (true);
create policy api_reads on public.vendor_usage for select to zmarty_api using (true);
create policy worker_keeps on public.vendor_usage to zmarty_worker using (true) with check (true);
