-- name: find_call
select
  body_sha256, answer,
  exists (select from credit_holds where credit_holds.id = hold_id and credit_holds.state = 'held') as running
from agent_calls
where user_id = $1 and key = $2;

-- name: claim_call
-- Takes a key that is new, or whose call died: then nobody holds credits for it any more. Another claim of the same key is waited for.
insert into agent_calls as claimed (user_id, key, body_sha256, hold_id)
values ($1, $2, $3, $4)
on conflict (user_id, key) do update set hold_id = excluded.hold_id, created_at = now()
where claimed.answer is null
  and claimed.body_sha256 = excluded.body_sha256
  and not exists (
    select from credit_holds where credit_holds.id = claimed.hold_id and credit_holds.state = 'held'
  )
returning true;

-- name: answer_call
update agent_calls set answer = $4 where user_id = $1 and key = $2 and hold_id = $3;

-- name: newest_data
-- Each by an index or from a table with one row a question.
select
  (
    select max(newest.observed_at)
    from instruments
    cross join lateral (
      select observed_at
      from liq_clusters
      where liq_clusters.symbol = instruments.symbol and liq_clusters.source = 'king_fisher'
      order by observed_at desc
      limit 1
    ) as newest
  ) as king_fisher,
  (
    select max(observed_at) from context_readings where source <> all (array['sentiment', 'whale_trades'])
  ) as cryptometer,
  (
    select max(newest.known_at)
    from instruments
    cross join lateral (
      select known_at
      from risk_metric
      where risk_metric.symbol = instruments.symbol
      order by observed_on desc
      limit 1
    ) as newest
  ) as risk_metric,
  (select max(observed_at) from context_readings where source = 'sentiment') as sentiment,
  (select max(observed_at) from context_readings where source = 'whale_trades') as whale_trades;
