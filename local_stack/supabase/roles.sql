-- The roles every Supabase project has, once per cluster. Passwords are set apart from them: they differ in every home.
create role postgres login createdb createrole replication bypassrls;
create role anon nologin;
create role authenticated nologin;
create role service_role nologin bypassrls;
create role authenticator noinherit login;
create role supabase_auth_admin noinherit createrole login;

grant anon, authenticated, service_role to postgres with admin option;
grant anon, authenticated, service_role to authenticator;
grant pg_monitor, pg_read_all_data, pg_signal_backend to postgres;

-- Supabase's own statement timeouts, so that a slow policy shows here as it would there.
alter role anon set statement_timeout = '3s';
alter role authenticated set statement_timeout = '8s';
alter role supabase_auth_admin set search_path = 'auth';
