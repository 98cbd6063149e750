-- The ground that everything else stands on: service roles, unexposed schemas, extensions. Stops before a name clash.
set local lock_timeout = '5s';

-- The customer's project may hold tables of these names with another shape. Nothing has been changed when this stops.
do $$
declare
  clashing text;
begin
  select string_agg(format('public.%I', relname), ', ' order by relname)
  into clashing
  from pg_class
  where relnamespace = 'public'::regnamespace
    and relkind in ('r', 'p', 'v', 'm', 'f')
    and relname in (
      'instruments', 'watchers', 'ingest_state', 'candles', 'indicators', 'liq_clusters',
      'signals', 'signal_outcomes', 'win_rate', 'recent_errors', 'worker_heartbeats'
    );
  if clashing is not null then
    raise exception 'Zmarty would clash with what this database holds already: %', clashing
      using errcode = 'duplicate_table',
            hint = 'Move or rename these (alter table … rename to …), then run the migrations again. Nothing was changed.';
  end if;
end
$$;

-- Without a password nobody can log in as these; the operator sets one (docs/DEPLOY.md).
do $$
declare
  role_name text;
begin
  foreach role_name in array array['zmarty_api', 'zmarty_worker'] loop
    if not exists (select from pg_roles where rolname = role_name) then
      execute format('create role %I nologin noinherit', role_name);
    end if;
  end loop;
end
$$;

do $$
begin
  if to_regnamespace('pgmq') is null then
    create extension pgmq;
  end if;
  if to_regnamespace('cron') is null then
    create extension pg_cron with schema pg_catalog;
  end if;
end
$$;

create schema private;
create schema queueing;
create schema partitions;

grant usage on schema public, queueing to zmarty_api, zmarty_worker;
grant usage on schema private, partitions to zmarty_worker;

-- Supabase grants every new table and function of schema public to the browser's roles. This database exposes nothing.
alter default privileges in schema public revoke all on tables from anon, authenticated;
alter default privileges in schema public revoke all on sequences from anon, authenticated;
alter default privileges in schema public revoke all on functions from anon, authenticated;

create function private.refuse_clash(names text[]) returns void
language plpgsql
set search_path = ''
as $$
declare
  clashing text;
begin
  select string_agg(format('public.%I', relname), ', ' order by relname)
  into clashing
  from pg_catalog.pg_class
  where relnamespace = 'public'::regnamespace and relkind in ('r', 'p', 'v', 'm', 'f') and relname = any (names);
  if clashing is not null then
    raise exception 'Zmarty would clash with what this database holds already: %', clashing
      using errcode = 'duplicate_table',
            hint = 'Move or rename these (alter table … rename to …), then run the migrations again. Nothing was changed.';
  end if;
end
$$;

comment on function private.refuse_clash(text[]) is
  'Later migrations call this first with the names they are about to create.';
revoke execute on function private.refuse_clash(text[]) from public;
