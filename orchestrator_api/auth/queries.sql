-- name: assume_user
-- One statement: `role` set through set_config is the same as `set local role`.
select
  set_config('request.jwt.claims', $1::text, true),
  set_config('role', 'authenticated', true)

-- name: find_service_key
select id, name, scopes, source
from service_keys
where key_sha256 = $1::bytea and revoked_at is null;

-- name: touch_service_key
update service_keys
set last_used_at = now()
where id = $1::uuid and (last_used_at is null or last_used_at < now() - interval '1 minute');
