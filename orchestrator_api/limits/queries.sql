-- name: admit_call
select admitted, per_minute, remaining, reset_seconds, retry_seconds, streams_max, lease_id
from private.admit_call(
  $1::uuid, $2::boolean, $3::text, $4::text, $5::integer, $6::integer, $7::text, $8::integer, $9::integer
);

-- name: renew_stream
select private.renew_stream($1::uuid, $2::integer);

-- name: end_stream
select private.end_stream($1::uuid);
