-- name: save_error
-- In the chat database. Upkeep removes old rows.
insert into recent_errors (service, code, request_id, message)
values ('api', $1, $2, $3);

-- name: recent_errors
-- In both databases, merged by the caller: $2 stands for a database's place among rows of the same moment.
select id, service, code, message, request_id, queue, msg_id, occurred_at
from recent_errors
where occurred_at <= $1 and (occurred_at, $4::text, id) < ($1, $2::text, $3::bigint)
order by occurred_at desc, id desc
limit $5;

-- name: dead_letters
select queue_name as queue, msg_id, buried_at, message
from queueing.dead_letters($1::text, $2::timestamptz, $3::text, $4::bigint, $5::integer);

-- name: peek
select msg_id, state, read_count, enqueued_at, due_at, message, failure_code, failure, first_failed_at
from queueing.peek($1::text, $2::timestamptz, $3::bigint, $4::integer);

-- name: require_queue
select queueing.require_queue($1::text);

-- name: pauses
select queue, paused_by
from queueing.pauses;

-- name: horizon
select pid, application_name, state, age_seconds
from queueing.horizon();

-- name: retry_dead
select queueing.retry_dead($1::text, $2::bigint[]);

-- name: discard_dead
select queueing.discard_dead($1::text, $2::bigint[]);

-- name: purge
select queueing.purge($1::text, $2::integer);

-- name: pause
select queueing.pause($1::text, $2::text);

-- name: resume
select queueing.resume($1::text);

-- name: vendors
select vendor, per_second::double precision, tokens::double precision, monthly_quota, requests, refused, limited, is_low,
  paused_until, paused_because, monthly_dollars::double precision, dollars::double precision
from vendor_standing
order by vendor;

-- name: sources
select
  vendor, source, asked, answered, dropped, asked_at, answered_at, dropped_at, failure,
  extract(epoch from now() - answered_at)::double precision as age_seconds
from source_standing
order by vendor, source;

-- name: outbox
-- In the chat database. Open and parked ones only: the delivered are many and settled.
select id, user_id, payload ->> 'type' as type, payload ->> 'table' as table_name, attempts, due_at, parked_at, last_error,
  created_at, extract(epoch from now() - created_at)::double precision as age_seconds
from outbox
where delivered_at is null and (parked_at is not null) = $1::boolean and id > $2::bigint
order by id
limit $3::integer;

-- name: retry_outbox
select private.retry_outbox($1::bigint[]);

-- name: money_accounts
select
  count(*) as accounts,
  coalesce(sum(balance), 0)::bigint as balance,
  coalesce(sum(held), 0)::bigint as held
from credit_accounts;

-- name: money_entries
select
  kind,
  count(*) as entries,
  sum(amount)::bigint as credits,
  count(*) filter (where created_at > now() - interval '1 day') as entries_day,
  coalesce(sum(amount) filter (where created_at > now() - interval '1 day'), 0)::bigint as credits_day
from credits_ledger
group by kind
order by kind;

-- name: money_holds
select
  count(*) as holds,
  coalesce(sum(credits), 0)::bigint as credits,
  extract(epoch from now() - min(created_at))::double precision as oldest_age_seconds,
  count(*) filter (where expires_at < now()) as overdue
from credit_holds
where state = 'held';

-- name: money_differences
-- Accounts whose copy differs from what it is a copy of: the sum of the entries, and of the open holds. None ever should.
select
  account.user_id,
  account.balance,
  coalesce(entries.credits, 0)::bigint as entries,
  account.held,
  coalesce(holds.credits, 0)::bigint as holds
from credit_accounts as account
left join (
  select user_id, sum(amount) as credits from credits_ledger group by user_id
) as entries using (user_id)
left join (
  select user_id, sum(credits) as credits from credit_holds where state = 'held' group by user_id
) as holds using (user_id)
where account.balance <> coalesce(entries.credits, 0) or account.held <> coalesce(holds.credits, 0)
order by account.user_id
limit $1::integer;

-- name: audit
select id, actor, action, entity, old, new, host(ip) as ip, user_agent, result_of, created_at
from audit_log
where id < $1::bigint
order by id desc
limit $2::integer;

-- name: save_intent
insert into audit_log (actor, action, entity, new, ip, user_agent)
values ($1, $2, $3, $4, $5::text::inet, $6)
returning id;

-- name: save_result
insert into audit_log (actor, action, entity, new, ip, user_agent, result_of)
select actor, $2, entity, $3, ip, user_agent, id
from audit_log
where id = $1::bigint;
