-- name: take_turn
-- Claims take turns across all relays. A row with a lower id may be committed after a higher one was claimed; only who
-- sees every earlier claim knows that this user has a row in flight. A statement takes its snapshot before it waits for
-- a lock, so this must be a statement of its own.
select pg_advisory_xact_lock(hashtextextended('zmarty outbox claim', 0));

-- name: claim
-- The oldest open rows of each user, unless one of the user's rows is in flight or waits for its next attempt. One walk
-- over the open rows and no join: after an outage the planner does not know of the backlog yet, and a nested loop over
-- it takes minutes.
with open_rows as (
  select
    id,
    min(id) over users as head,
    row_number() over (users order by id) as place,
    bool_or(coalesce(claimed_until, '-infinity') > statement_timestamp() or due_at > statement_timestamp()) over users
      as waits
  from outbox
  where delivered_at is null and parked_at is null
  window users as (partition by user_id)
),
chosen as (
  select id, place
  from open_rows
  where not waits and place <= $4::integer
  order by head, id
  limit $3::integer
),
locked as (
  select id, user_id
  from outbox
  -- Open is asked again on the row itself: it may have been ended after this statement's snapshot.
  where id = any (array(select chosen.id from chosen)) and delivered_at is null and parked_at is null
  for update skip locked
),
claimed as (
  select numbered.id
  from (select id, row_number() over (partition by user_id order by id) as place from locked) as numbered
  -- Behind a row that is locked or was ended meanwhile, nothing of that user: a gap would be an overtaking.
  join chosen on chosen.id = numbered.id and chosen.place = numbered.place
)
update outbox
set claimed_by = $1::text,
    claimed_until = statement_timestamp() + make_interval(secs => $2::double precision),
    attempts = outbox.attempts + 1
where outbox.id = any (array(select claimed.id from claimed))
returning
  outbox.id, outbox.user_id, outbox.payload, outbox.attempts, octet_length(outbox.payload::text) as bytes,
  coalesce(outbox.last_error like 'batch refused%', false) as alone;

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
-- The claim's name is the fence: another relay may have taken a row over since.
update outbox
set delivered_at = clock_timestamp(), claimed_by = null, claimed_until = null, last_error = null
where id = any ($1::bigint[]) and claimed_by = $2::text
returning id;

-- name: postpone
update outbox
set claimed_by = null,
    claimed_until = null,
    due_at = clock_timestamp() + make_interval(secs => $3::double precision),
    last_error = $4::text
where id = any ($1::bigint[]) and claimed_by = $2::text
returning id;

-- name: hand_back
-- Claimed but not sent: as if nothing had been.
update outbox
set claimed_by = null, claimed_until = null, attempts = attempts - 1
where id = any ($1::bigint[]) and claimed_by = $2::text
returning id;

-- name: park
-- A parked row waits for an operator or the reconcile; the rows behind it go on. Operators see the newest thousand errors.
with parked as (
  update outbox
  set parked_at = clock_timestamp(), claimed_by = null, claimed_until = null, last_error = $3::text
  where id = $1::bigint and claimed_by = $2::text
  returning id
),
pruned as (
  delete from recent_errors where id <= (select max(id) - 1000 from recent_errors)
)
insert into recent_errors (service, code, message)
select 'worker', 'outbox_parked', 'outbox row ' || id || ': ' || $3::text
from parked
returning id;
