-- The schemas and default privileges of a new Supabase database, before its owner's first migration.
create schema extensions authorization postgres;
grant usage on schema extensions to anon, authenticated, service_role, supabase_auth_admin;
create extension pgcrypto with schema extensions;
create extension "uuid-ossp" with schema extensions;

grant usage on schema public to anon, authenticated, service_role;
grant create on schema public to postgres;

-- Supabase opens whatever postgres creates in public to its API roles; only row level security and explicit revokes
-- close it. A stand-in that left this out would pass migrations that leak in production.
alter default privileges for role postgres in schema public grant all on tables to anon, authenticated, service_role;
alter default privileges for role postgres in schema public grant all on sequences to anon, authenticated, service_role;
alter default privileges for role postgres in schema public grant all on functions to anon, authenticated, service_role;

create schema pgmq authorization postgres;
