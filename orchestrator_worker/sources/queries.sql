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
