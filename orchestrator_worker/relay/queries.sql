-- name: take_turn
-- Claims take turns across all relays. A row with a lower id may be committed after a higher one was claimed; only who
-- sees every earlier claim knows that this user has a row in flight. A statement takes its snapshot before it waits for
-- a lock, so this must be a statement of its own.
select pg_advisory_xact_lock(hashtextextended('zmarty outbox claim', 0));

-- name: claim
-- The oldest open row of each user, unless one of the user's rows is in flight or waits for its next attempt.
with heads as (
  select min(id) as id
  from outbox
  where delivered_at is null and parked_at is null
  group by user_id
  having count(*) filter (where claimed_until > statement_timestamp() or due_at > statement_timestamp()) = 0
  order by min(id)
  limit $3::integer
),
claimed as (
  select id
  from outbox
  -- An array and not a join: after an outage the planner does not know of the backlog yet, and a nested loop over it
  -- takes minutes. Open is asked again on the row itself: it may have been ended after this statement's snapshot.
  where id = any (array(select heads.id from heads)) and delivered_at is null and parked_at is null
  for update skip locked
)
update outbox
set claimed_by = $1::text,
    claimed_until = statement_timestamp() + make_interval(secs => $2::double precision),
    attempts = outbox.attempts + 1
from claimed
where outbox.id = claimed.id
returning outbox.id, outbox.user_id, outbox.payload, outbox.attempts;

-- name: seconds_until_due
-- When the next user may be claimed, by the rule of claim; not above zero when that came true meanwhile. Null when no
-- row is open. Nothing is filtered by the clock: a row that fell due since the claim must not be slept through.
select extract(epoch from min(eligible_at) - statement_timestamp())::double precision
from (
  select max(greatest(claimed_until, due_at)) as eligible_at
  from outbox
  where delivered_at is null and parked_at is null
  group by user_id
) as users;

-- name: mark_delivered
-- attempts is the fence of a claim: another relay may have taken the row over since.
update outbox
set delivered_at = clock_timestamp(), claimed_by = null, claimed_until = null, last_error = null
where id = $1::bigint and claimed_by = $2::text and attempts = $3::integer
returning id;

-- name: claim_following
-- The user's next row, in the transaction that delivered the one before: the user has a row in flight all the time, so
-- this needs no turn. The oldest row itself or none: one that is locked or waits must not be overtaken.
update outbox
set claimed_by = $2::text,
    claimed_until = clock_timestamp() + make_interval(secs => $3::double precision),
    attempts = outbox.attempts + 1
where id = (
    select min(id)
    from outbox
    where user_id = $1::uuid and delivered_at is null and parked_at is null
  )
  and delivered_at is null and parked_at is null
  and due_at <= clock_timestamp() and coalesce(claimed_until, '-infinity') <= clock_timestamp()
returning id, user_id, payload, attempts;

-- name: postpone
update outbox
set claimed_by = null,
    claimed_until = null,
    due_at = clock_timestamp() + make_interval(secs => $4::double precision),
    last_error = $5::text
where id = $1::bigint and claimed_by = $2::text and attempts = $3::integer
returning id;

-- name: park
-- A parked row waits for an operator or the reconcile; the rows behind it go on. Operators see the newest thousand errors.
with parked as (
  update outbox
  set parked_at = clock_timestamp(), claimed_by = null, claimed_until = null, last_error = $4::text
  where id = $1::bigint and claimed_by = $2::text and attempts = $3::integer
  returning id
),
pruned as (
  delete from recent_errors where id <= (select max(id) - 1000 from recent_errors)
)
insert into recent_errors (service, code, message)
select 'worker', 'outbox_parked', 'outbox row ' || id || ': ' || $4::text
from parked
returning id;
