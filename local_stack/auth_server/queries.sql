-- name: insert_user
-- A taken email answers no row, so that two sign-ups at once cannot both win.
insert into auth.users
  (id, aud, role, email, encrypted_password, email_confirmed_at, raw_app_meta_data, raw_user_meta_data, created_at, updated_at)
values
  ($1, 'authenticated', 'authenticated', $2, $3, case when $4::boolean then now() end,
   '{"provider": "email", "providers": ["email"]}', $5::jsonb, now(), now())
on conflict (email) where is_sso_user = false do nothing
returning id, email, encrypted_password, email_confirmed_at, last_sign_in_at, banned_until,
  raw_app_meta_data, raw_user_meta_data, created_at, updated_at;

-- name: user_by_email
select id, email, encrypted_password, email_confirmed_at, last_sign_in_at, banned_until,
  raw_app_meta_data, raw_user_meta_data, created_at, updated_at
from auth.users
where email = $1 and is_sso_user = false and deleted_at is null;

-- name: user_by_id
select id, email, encrypted_password, email_confirmed_at, last_sign_in_at, banned_until,
  raw_app_meta_data, raw_user_meta_data, created_at, updated_at
from auth.users
where id = $1 and deleted_at is null;

-- name: user_of_session
select u.id, u.email, u.encrypted_password, u.email_confirmed_at, u.last_sign_in_at, u.banned_until,
  u.raw_app_meta_data, u.raw_user_meta_data, u.created_at, u.updated_at
from auth.sessions s
join auth.users u on u.id = s.user_id
where s.id = $1 and u.id = $2 and u.deleted_at is null and (s.not_after is null or s.not_after > now());

-- name: save_sign_in
-- Whoever got in by a code or a password we accepted owns the email: it is confirmed if it was not yet.
update auth.users
set last_sign_in_at = now(), updated_at = now(), email_confirmed_at = coalesce(email_confirmed_at, now())
where id = $1
returning id, email, encrypted_password, email_confirmed_at, last_sign_in_at, banned_until,
  raw_app_meta_data, raw_user_meta_data, created_at, updated_at;

-- name: update_user
-- Metadata is merged key by key; a key sent as null is removed.
update auth.users
set
  email = coalesce($2, email),
  encrypted_password = coalesce($3, encrypted_password),
  raw_user_meta_data = (
    select coalesce(jsonb_object_agg(key, value) filter (where value <> 'null'), '{}')
    from jsonb_each(coalesce(raw_user_meta_data, '{}') || coalesce($4::jsonb, '{}'))
  ),
  updated_at = now()
where id = $1
returning id, email, encrypted_password, email_confirmed_at, last_sign_in_at, banned_until,
  raw_app_meta_data, raw_user_meta_data, created_at, updated_at;

-- name: insert_session
insert into auth.sessions (id, user_id, created_at, updated_at, aal, user_agent, ip)
values ($1, $2, now(), now(), 'aal1', $3, $4::inet);

-- name: insert_method
insert into auth.mfa_amr_claims (id, session_id, created_at, updated_at, authentication_method)
values ($1, $2, now(), now(), $3);

-- name: methods_of_session
select authentication_method as method, extract(epoch from created_at)::bigint as timestamp
from auth.mfa_amr_claims
where session_id = $1
order by created_at desc;

-- name: insert_refresh_token
insert into auth.refresh_tokens (token, user_id, session_id, parent, revoked, created_at, updated_at)
values ($1, $2::uuid::text, $3, $4, false, now(), now());

-- name: lock_session
-- Two refreshes of one session run one after the other; the second sees what the first did.
select s.id, s.user_id
from auth.sessions s
join auth.refresh_tokens t on t.session_id = s.id
where t.token = $1 and (s.not_after is null or s.not_after > now())
for update of s;

-- name: refresh_token
select token, parent, revoked, extract(epoch from now() - updated_at)::double precision as age_seconds
from auth.refresh_tokens
where token = $1;

-- name: active_refresh_token
select token, parent, revoked, extract(epoch from now() - updated_at)::double precision as age_seconds
from auth.refresh_tokens
where session_id = $1 and not revoked
order by id desc
limit 1;

-- name: revoke_refresh_tokens
update auth.refresh_tokens
set revoked = true, updated_at = now()
where session_id = $1 and not revoked;

-- name: touch_session
-- The column has no time zone, on Supabase too; it means UTC.
update auth.sessions
set refreshed_at = now() at time zone 'utc', updated_at = now(), user_agent = $2, ip = $3::inet
where id = $1;

-- name: delete_session
delete from auth.sessions where id = $1;

-- name: delete_sessions
delete from auth.sessions where user_id = $1;

-- name: delete_other_sessions
delete from auth.sessions where user_id = $1 and id <> $2;

-- name: save_one_time_token
-- A new code takes the place of the one before: only the newest mail works.
insert into auth.one_time_tokens (id, user_id, token_type, token_hash, relates_to, created_at, updated_at)
values ($1, $2, $3::text::auth.one_time_token_type, $4, $5, now() at time zone 'utc', now() at time zone 'utc')
on conflict (user_id, token_type) do update
set token_hash = excluded.token_hash, relates_to = excluded.relates_to,
  created_at = excluded.created_at, updated_at = excluded.updated_at;

-- name: take_one_time_token
-- Deleting is the check: of two requests with one code only one gets the row.
delete from auth.one_time_tokens
where token_hash = $1
  and token_type = any($2::text[]::auth.one_time_token_type[])
  and created_at > now() at time zone 'utc' - make_interval(secs => $3::double precision)
returning user_id;
