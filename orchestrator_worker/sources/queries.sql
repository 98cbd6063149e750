-- name: admit_request
select verdict, wait_seconds, used, quota, is_low
from private.admit_request($1::text, $2::numeric, $3::double precision);

-- name: pause_vendor
-- The bucket is empty when the pause ends: the vendor has just said that we are at its limit.
with paused as (
  update vendor_limits
  set paused_until = greatest(paused_until, clock_timestamp() + make_interval(secs => $2::double precision)),
      full_at = greatest(
        full_at,
        clock_timestamp() + make_interval(secs => $2::double precision + (burst / per_second)::double precision)
      ),
      paused_because = $3::text
  where vendor = $1::text
)
insert into vendor_usage as usage (vendor, month, limited)
values ($1::text, date_trunc('month', now() at time zone 'UTC')::date, 1)
on conflict (vendor, month) do update set limited = usage.limited + 1;

-- name: pause_left
select extract(epoch from paused_until - clock_timestamp())::double precision
from vendor_limits
where vendor = $1::text and paused_until > clock_timestamp();

-- name: fresh_answer
select body
from vendor_answers
where vendor = $1::text and question = $2::text and fresh_until > now();

-- name: claim_question
insert into vendor_answers (vendor, question, claimed_until)
values ($1::text, $2::text, now() + make_interval(secs => $3::double precision))
-- Nothing is returned while the answer is fresh or another process is asking.
on conflict (vendor, question) do update
set claimed_until = excluded.claimed_until
where vendor_answers.fresh_until <= now() and vendor_answers.claimed_until <= now()
returning claimed_until;

-- name: save_answer
update vendor_answers
set body = $3::text,
    answered_at = now(),
    fresh_until = now() + make_interval(secs => $4::double precision),
    claimed_until = '-infinity'
where vendor = $1::text and question = $2::text;

-- name: release_question
-- Only our own claim: one that ran out may be another's by now.
update vendor_answers
set claimed_until = '-infinity'
where vendor = $1::text and question = $2::text and claimed_until = $3::timestamptz;

-- name: month_of
select
  coalesce(u.requests, 0) as used, l.monthly_quota as quota, clock_timestamp() as now,
  coalesce(u.dollars, 0) as dollars_used, l.monthly_dollars
from (select) as always
left join vendor_limits as l on l.vendor = $1::text
left join vendor_usage as u
  on u.vendor = $1::text and u.month = date_trunc('month', clock_timestamp() at time zone 'UTC')::date;

-- name: count_source
insert into source_usage as usage (vendor, source, month, asked, answered, dropped, asked_at, answered_at, dropped_at, failure)
select
  $1::text, $2::text, date_trunc('month', now() at time zone 'UTC')::date, $3::integer, $4::integer, $5::integer,
  case when $3::integer > 0 then now() end,
  case when $4::integer > 0 then now() end,
  case when $5::integer > 0 then now() end,
  $6::text
on conflict (vendor, source, month) do update
set asked = usage.asked + excluded.asked,
    answered = usage.answered + excluded.answered,
    dropped = usage.dropped + excluded.dropped,
    asked_at = coalesce(excluded.asked_at, usage.asked_at),
    answered_at = coalesce(excluded.answered_at, usage.answered_at),
    dropped_at = coalesce(excluded.dropped_at, usage.dropped_at),
    -- What was dropped says nothing about the vendor: its last failure, or that there is none, stands.
    failure = case when excluded.asked > 0 then excluded.failure else usage.failure end;

-- name: reserve_dollars
-- The most that one request can cost is taken before it is asked, so that many at once cannot pass one look together.
insert into vendor_usage as usage (vendor, month, dollars)
select l.vendor, date_trunc('month', now() at time zone 'UTC')::date, $2::numeric
from vendor_limits as l
where l.vendor = $1::text and (l.monthly_dollars is null or $2::numeric <= l.monthly_dollars)
on conflict (vendor, month) do update
set dollars = usage.dollars + excluded.dollars
where usage.dollars + excluded.dollars <= (
  select coalesce(l.monthly_dollars, 'infinity') from vendor_limits as l where l.vendor = $1::text
)
returning month;

-- name: settle_dollars
-- What it did cost takes the place of what was reserved, in the month in which it was reserved.
update vendor_usage
set dollars = greatest(0, dollars - $3::numeric + $4::numeric)
where vendor = $1::text and month = $2::date;
