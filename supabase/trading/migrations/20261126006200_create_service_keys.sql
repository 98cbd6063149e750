-- Keys by which other systems speak to the API: only their digests are kept, and each opens no more than its scopes.
set local lock_timeout = '5s';

select private.refuse_clash(array['service_keys']);

create table public.service_keys (
  id uuid primary key default gen_random_uuid(),
  name text not null constraint service_keys_name_bounded check (length(name) between 1 and 80),
  key_sha256 bytea not null unique constraint service_keys_digest_whole check (length(key_sha256) = 32),
  scopes text[] not null constraint service_keys_scoped check (cardinality(scopes) between 1 and 20),
  source text constraint service_keys_source_named check (source ~ '^[a-z0-9][a-z0-9_.-]{0,39}$'),
  created_by text not null,
  created_at timestamptz not null default now(),
  last_used_at timestamptz,
  revoked_at timestamptz
);

comment on table public.service_keys is
  'One row a key that an operator made. The key itself is shown once and kept nowhere; revoked ones stay, so that its past is known.';
comment on column public.service_keys.source is 'The only source this key may send signals as; null: any.';
comment on column public.service_keys.last_used_at is 'To the minute.';

alter table public.service_keys enable row level security;
revoke all on public.service_keys from anon, authenticated;
grant select, update (last_used_at) on public.service_keys to zmarty_api;
create policy api_verifies on public.service_keys to zmarty_api using (true) with check (true);
