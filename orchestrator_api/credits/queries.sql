-- name: hold_credits
select hold_id, balance, available
from private.hold_credits($1::uuid, $2::integer, $3::integer);

-- name: settle_hold
select charged, balance, available, state
from private.settle_hold($1::uuid, $2::integer, $3::text, $4::text, $5::integer, $6::integer, $7::text, $8::jsonb);

-- name: release_hold
select private.release_hold($1::uuid);

-- name: balance_of
-- The view sums the entries: what users see is the ledger, not the account's copy of it.
select balance, held, available
from credit_balance
where user_id = $1;

-- name: entries_of
select id, kind, amount, balance_after, provider, model, input_tokens, output_tokens, reason, created_at
from credits_ledger
where user_id = $1 and ($2::bigint is null or id < $2)
order by id desc
limit $3;
