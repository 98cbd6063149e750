-- name: create_history_schema
create schema if not exists supabase_migrations;

-- name: create_history
-- The Supabase CLI's own table, in its own form, so that both tools can be used on one database.
create table if not exists supabase_migrations.schema_migrations (
  version text not null primary key,
  statements text[],
  name text
);

-- name: history_exists
select to_regclass('supabase_migrations.schema_migrations') is not null;

-- name: history
select version, name, statements
from supabase_migrations.schema_migrations
order by version;

-- name: lock_history
-- Held to the end of one file's transaction: two deploys at once take turns, file by file.
select pg_advisory_xact_lock($1::bigint);

-- name: is_applied
select exists (select from supabase_migrations.schema_migrations where version = $1::text);

-- name: record_migration
insert into supabase_migrations.schema_migrations (version, statements, name)
values ($1::text, $2::text[], $3::text);

-- name: find_user
select id
from auth.users
where lower(email) = lower($1::text);

-- name: grant_monthly_to
select private.grant_monthly_to($1::uuid);

-- name: credit_differences
select user_id, subject, recorded, rebuilt
from private.credit_differences($1::uuid, $2::integer);

-- name: repair_credits
select private.repair_credits($1::uuid);

-- name: tiers
select tier
from public.tiers
order by credits_monthly, tier;

-- name: lock_tier
select tier
from public.profiles
where user_id = $1::uuid
for update;

-- name: set_tier
update public.profiles
set tier = $2::text
where user_id = $1::uuid;

-- name: audit
insert into public.audit_log (actor, action, entity, old, new, user_agent)
values ($1::text, $2::text, $3::text, $4::jsonb, $5::jsonb, $6::text);

-- name: audit_intent
-- Before the trading database is touched. What happens there cannot be in one transaction with this.
insert into public.audit_log (actor, action, entity, new, user_agent)
values ($1::text, $2::text, $3::text, $4::jsonb, $5::text)
returning id;

-- name: audit_result
insert into public.audit_log (actor, action, entity, new, user_agent, result_of)
select actor, $2::text, entity, $3::jsonb, user_agent, id
from public.audit_log
where id = $1::bigint;

-- name: queue_stats
select queue, depth, due, postponed, in_flight, oldest_due_seconds, dead, archived, total, table_bytes, dead_tuples,
  paused_at, paused_by
from queueing.stats();

-- name: horizon
select pid, application_name, state, age_seconds
from queueing.horizon();

-- name: require_queue
select queueing.require_queue($1::text);

-- name: peek
select msg_id, state, read_count, enqueued_at, due_at, message, failure_code, failure, first_failed_at
from queueing.peek($1::text, null, null, $2::integer);

-- name: newest_dead_letters
select msg_id, buried_at, message
from queueing.dead_letters($1::text, null, null, null, $2::integer);

-- name: older_dead_letters
-- A page of ids, oldest last; for working through all of them.
select msg_id, buried_at
from queueing.dead_letters($1::text, $2::timestamptz, $1::text, $3::bigint, $4::integer);

-- name: retry_dead
select queueing.retry_dead($1::text, $2::bigint[]);

-- name: discard_dead
select queueing.discard_dead($1::text, $2::bigint[]);

-- name: purge
select queueing.purge($1::text, $2::integer);

-- name: pause_queue
select queueing.pause($1::text, $2::text);

-- name: resume_queue
select queueing.resume($1::text);

-- name: roles_missing
select wanted.name
from unnest($1::text[]) as wanted (name)
where not exists (select from pg_catalog.pg_roles where rolname = wanted.name)
order by wanted.name;

-- name: roles_without_login
select rolname as name
from pg_catalog.pg_roles
where rolname = any($1::text[]) and not rolcanlogin
order by rolname;

-- name: schemas_missing
select wanted.name
from unnest($1::text[]) as wanted (name)
where to_regnamespace(wanted.name) is null
order by wanted.name;

-- name: queues_missing
select wanted.name
from unnest($1::text[]) as wanted (name)
where not exists (select from pgmq.meta where queue_name = wanted.name)
order by wanted.name;

-- name: dead_letters
select queue_name, queue_length
from pgmq.metrics_all()
where queue_name like '%\_dead' and queue_length > 0
order by queue_name;

-- name: cron_jobs
-- The latest run of each schedule; one that never ran has nulls.
select job.jobname, job.active, run.status, run.return_message, run.start_time
from cron.job as job
left join lateral (
  select status, return_message, start_time
  from cron.job_run_details as details
  where details.jobid = job.jobid
  order by details.runid desc
  limit 1
) as run on true
order by job.jobname;

-- name: server_version
select current_setting('server_version');

-- name: vendors
select vendor, monthly_quota, requests, is_low, paused_until, paused_because, monthly_dollars, dollars
from vendor_standing
order by vendor;

-- name: sources
-- Each source with what stands between it and a good answer; what is asked once a day may be that old.
select source, failure, answered_at, asked_at, dropped_at
from source_standing
order by source;

-- name: retry_parked
select private.retry_parked();

-- name: is_instrument
select exists (select from instruments where symbol = $1::text);

-- name: open_backfill
select id
from jobs
where kind = $1::text
  and detail ->> 'symbol' = $2::text
  and detail ->> 'timeframe' = $3::text
  and ended_at is null
order by created_at desc
limit 1;

-- name: symbols_unknown
select wanted.symbol
from unnest($1::text[]) as wanted (symbol)
where not exists (select from public.instruments where instruments.symbol = wanted.symbol)
order by wanted.symbol;

-- name: risk_anchors
select symbol, valid_from, risk, price::double precision as price
from public.risk_anchors
where symbol = any ($1::text[])
order by symbol, valid_from, risk;

-- name: forget_curve
delete from public.risk_anchors
where symbol = $1::text and valid_from = $2::date;

-- name: save_curve
insert into public.risk_anchors (symbol, valid_from, risk, price)
select $1::text, $2::date, risk, price::numeric
from unnest($3::double precision[], $4::double precision[]) as anchor (risk, price);

-- name: calibrations
select
  symbol, timeframe, strategy_version, direction, n, n_effective, expired, first_opened_at, last_opened_at, mean_confidence,
  mean_share, brier, brier_base, skill, brier_earlier, brier_recent, psi, drift, reliability, computed_at
from calibration
where ($1::text is null or symbol = $1)
  and ($2::text is null or timeframe = $2)
  and strategy_version = $3::text
  and direction = $4::text
order by symbol, timeframe
limit $5::integer;

-- name: make_service_key
insert into service_keys (name, key_sha256, scopes, source, created_by)
values ($1::text, $2::bytea, $3::text[], $4::text, $5::text)
returning id;

-- name: service_keys
select id, name, scopes, source, created_by, created_at, last_used_at, revoked_at
from service_keys
order by created_at desc, id
limit $1::integer;

-- name: revoke_service_key
update service_keys set revoked_at = now() where id = $1::uuid and revoked_at is null returning id;

-- name: service_key_exists
select exists (select from service_keys where id = $1::uuid);
