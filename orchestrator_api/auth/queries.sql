-- name: assume_user
-- One statement: `role` set through set_config is the same as `set local role`.
select
  set_config('request.jwt.claims', $1::text, true),
  set_config('role', 'authenticated', true)
