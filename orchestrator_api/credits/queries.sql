-- name: hold_credits
select hold_id, balance, available, limit_reached, limit_left
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

-- name: grants_of
-- In the order in which they are used.
select id, kind, credits, remaining, expires_at
from credit_grants
where user_id = $1 and remaining > 0
order by expires_at nulls last, array_position(array['monthly', 'bonus', 'purchased'], kind), id;

-- name: standing_of
-- Holds count against the day as if they were charged: until they are settled nobody knows better.
with month as (
  select (date_trunc('month', now() at time zone 'utc') + interval '1 month') at time zone 'utc' as ends_at
)
select
  allowed.per_request,
  allowed.per_day,
  account.held + case when account.spent_on = (now() at time zone 'utc')::date then account.spent else 0 end as used_today,
  account.low_since,
  coalesce(tiers.credits_monthly, 0) as monthly_credits,
  exists (
    select from credit_grants as granted
    where granted.user_id = account.user_id and granted.kind = 'monthly' and granted.expires_at = month.ends_at
  ) as monthly_granted,
  month.ends_at as month_ends_at,
  now() as now
from credit_accounts as account
cross join month
left join spending_limits as allowed on allowed.user_id = account.user_id
left join profiles on profiles.user_id = account.user_id
left join tiers on tiers.tier = profiles.tier
where account.user_id = $1;

-- name: set_limits
insert into spending_limits (user_id, per_request, per_day)
values ($1::uuid, $2::integer, $3::integer)
on conflict (user_id) do update set per_request = excluded.per_request, per_day = excluded.per_day;

-- name: entries_of
-- A charge's key names its hold, and the answer that it paid for names the same.
select
  id, kind, amount, balance_after, provider, model, input_tokens, output_tokens, reason, refund_of,
  (
    select conversation_id
    from messages
    where messages.hold_id = substring(credits_ledger.idempotency_key from '^hold:([0-9a-f-]{36})$')::uuid
    limit 1
  ) as conversation_id,
  created_at
from credits_ledger
where user_id = $1
  and ($2::bigint is null or id < $2)
  and ($4::text is null or kind = $4)
  and ($5::timestamptz is null or created_at >= $5)
  and ($6::timestamptz is null or created_at < $6)
  and ($7::text is null or model = $7)
order by id desc
limit $3;

-- name: opening_of
select coalesce(sum(amount), 0)::bigint
from credits_ledger
where user_id = $1 and created_at < $2::timestamptz;

-- name: totals_of
select kind, model, count(*) as entries, sum(amount)::bigint as credits
from credits_ledger
where user_id = $1 and created_at >= $2::timestamptz and created_at < $3::timestamptz
group by kind, model
order by kind, model nulls first;

-- name: spent_by_day
-- Days in UTC, as the limit of a day counts them.
select (created_at at time zone 'utc')::date as day, -sum(amount)::bigint as credits
from credits_ledger
where user_id = $1 and kind = 'charge' and created_at >= $2::timestamptz and created_at < $3::timestamptz
group by day
order by day;

-- name: grant_credits
select private.grant_credits($1::uuid, $2::integer, $3::text, $4::text, $5::jsonb, $6::text, $7::timestamptz);

-- name: refund_charge
select private.refund_charge($1::bigint, $2::integer, $3::text, $4::text, $5::jsonb);

-- name: correction
-- A repeated key answers its first entry, which another request made.
select
  entry.id as entry_id, entry.user_id, entry.kind, entry.amount, entry.refund_of, account.balance,
  entry.metadata ->> 'request' is not distinct from $2::text as is_new
from credits_ledger as entry
join credit_accounts as account using (user_id)
where entry.id = $1::bigint;
