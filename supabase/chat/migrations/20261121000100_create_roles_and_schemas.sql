-- The ground that everything else stands on: service roles, the unexposed schema, pg_cron. Stops before a name clash.
set local lock_timeout = '5s';

-- The customer's project holds users and tables already. Nothing has been changed when this stops.
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
      'tiers', 'profiles', 'credit_accounts', 'credits_ledger', 'credit_holds', 'credit_balance', 'request_keys',
      'user_symbols', 'outbox', 'conversations', 'messages', 'recent_errors', 'audit_log'
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

-- The API reads a user's own rows as that user, so that row level security is a second net under its queries.
-- It must become that role to use it: the services inherit nothing.
grant authenticated to zmarty_api;

do $$
begin
  if to_regnamespace('cron') is null then
    create extension pg_cron with schema pg_catalog;
  end if;
end
$$;

create schema private;
grant usage on schema public, private to zmarty_api, zmarty_worker;

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
