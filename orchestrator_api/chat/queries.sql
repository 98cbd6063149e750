-- name: limits_of
select
  tiers.tier, tiers.tokens_max, tiers.price_cap, tiers.voice,
  coalesce(credit_accounts.balance - credit_accounts.held, 0) as available,
  spending_limits.per_request,
  -- Not greatest(…, 0) alone: it passes over the null of whoever has no limit.
  case when spending_limits.per_day is not null then greatest(
    spending_limits.per_day - credit_accounts.held
      - case when credit_accounts.spent_on = (now() at time zone 'utc')::date then credit_accounts.spent else 0 end,
    0
  ) end as left_today
from profiles
join tiers on tiers.tier = profiles.tier
left join credit_accounts on credit_accounts.user_id = profiles.user_id
left join spending_limits on spending_limits.user_id = profiles.user_id
where profiles.user_id = $1;

-- name: watched_pairs
-- Asked as the user: row level security is the filter, the first condition only helps the planner.
select symbol, timeframe
from user_symbols
where user_id = $1 and active
order by updated_at desc, symbol, timeframe
limit $2;

-- name: tone_of
select language, trading_experience as experience
from profiles
where user_id = $1;

-- name: history_of
-- What was answered anew is read in its newest version; before a question that is asked anew it and its answer are left out.
select role, content
from (
  select role, content, created_at, id
  from messages
  where conversation_id = $1
    and user_id = $2
    and superseded_at is null
    and created_at < coalesce($4::timestamptz, 'infinity')
  order by created_at desc, id desc
  limit $3
) as newest
order by created_at, id;

-- name: existing_symbols
select symbol
from instruments
where symbol = any($1::text[]) and active;

-- name: latest_signals
-- One index seek for each pair; a distinct over all signals would read every backfilled one.
select
  signal.id, signal.symbol, signal.timeframe, signal.opened_at, signal.strategy_version, signal.origin,
  signal.direction, signal.score, signal.strength, signal.confidence, signal.entry_price, signal.targets,
  signal.stop_price, signal.verdict, signal.reasons, signal.expires_at
from unnest($1::text[]) with ordinality as wanted (symbol, place)
cross join unnest($2::text[]) with ordinality as frame (timeframe, place)
cross join lateral (
  select
    id, symbol, timeframe, opened_at, strategy_version, origin, direction, score, strength, confidence, entry_price,
    targets, stop_price, verdict, reasons, expires_at
  from signals
  where signals.symbol = wanted.symbol and signals.timeframe = frame.timeframe
    -- Our own word; what was relayed is somebody else's.
    and signals.source is null
  -- Of two versions of our strategy for one candle, the newer one.
  order by opened_at desc, created_at desc
  limit 1
) as signal
order by wanted.place, frame.place;

-- name: win_rates_of
-- The rate over both origins, with how many of its outcomes come from walking history.
select
  whole.symbol, whole.timeframe, whole.strategy_version, whole.direction, whole.horizon, whole.lookback_days, whole.n,
  whole.rate, whole.low, whole.high, whole.baseline, whole.expectancy, whole.computed_at,
  coalesce(part.n, 0) as n_backfill
from unnest($1::text[], $2::text[]) as pair (symbol, timeframe)
join win_rate as whole using (symbol, timeframe)
left join win_rate as part on
  part.symbol = whole.symbol and part.timeframe = whole.timeframe and part.strategy_version = whole.strategy_version
  and part.direction = whole.direction and part.horizon = whole.horizon
  and part.lookback_days = whole.lookback_days and part.origin = 'backfill'
where whole.origin = 'all' and whole.n > 0;

-- name: latest_candles
select candle.symbol, candle.timeframe, candle.opened_at, candle.close, candle.exchange, candle.source
from unnest($1::text[], $2::text[]) as pair (symbol, timeframe)
cross join lateral (
  select symbol, timeframe, opened_at, close, exchange, source
  from candles
  where candles.symbol = pair.symbol and candles.timeframe = pair.timeframe
  order by opened_at desc
  limit 1
) as candle;

-- name: latest_readings
select reading.symbol, reading.timeframe, reading.opened_at, reading.source, reading.data, reading.observed_at
from unnest($1::text[], $2::text[]) as pair (symbol, timeframe)
cross join unnest($3::text[]) as wanted (source)
cross join lateral (
  select symbol, timeframe, opened_at, source, data, observed_at
  from indicators
  where indicators.symbol = pair.symbol and indicators.timeframe = pair.timeframe and indicators.source = wanted.source
  order by opened_at desc
  limit 1
) as reading;

-- name: latest_analyses
select
  analysis.symbol, analysis.timeframe, analysis.opened_at, analysis.trend_direction, analysis.trend_strength,
  analysis.volatility, analysis.relative_volatility, analysis.regime, analysis.season, analysis.levels
from unnest($1::text[], $2::text[]) as pair (symbol, timeframe)
cross join lateral (
  select
    symbol, timeframe, opened_at, trend_direction, trend_strength, volatility, relative_volatility, regime, season, levels
  from market_intelligence
  where market_intelligence.symbol = pair.symbol and market_intelligence.timeframe = pair.timeframe
  order by opened_at desc
  limit 1
) as analysis;

-- name: held_patterns
select
  pattern.symbol, pattern.timeframe, pattern.kind, pattern.direction, pattern.confidence, pattern.detected_opened_at,
  pattern.price_levels, pattern.expires_at
from unnest($1::text[], $2::text[]) as pair (symbol, timeframe)
cross join lateral (
  select symbol, timeframe, kind, direction, confidence, detected_opened_at, price_levels, expires_at
  from patterns
  where patterns.symbol = pair.symbol
    and patterns.timeframe = pair.timeframe
    and expires_at > now()
    and over_at is null
  order by confidence desc, id
  limit $3
) as pattern;

-- name: latest_clusters
-- A map is observed as a whole: the clusters of the newest one of each symbol, of two at once the better source's; the largest first.
select cluster.symbol, cluster.side, cluster.price, cluster.size, cluster.notional, cluster.source, cluster.observed_at
from unnest($1::text[]) as wanted (symbol)
cross join lateral (
  select source, observed_at
  from liq_clusters
  where liq_clusters.symbol = wanted.symbol
  order by observed_at desc, array_position(array['king_fisher', 'pushed', 'screenshot', 'estimated'], source)
  limit 1
) as map
cross join lateral (
  select symbol, side, price, size, notional, source, observed_at
  from liq_clusters
  where liq_clusters.symbol = wanted.symbol
    and liq_clusters.source = map.source
    and liq_clusters.observed_at = map.observed_at
  order by notional desc nulls last
  limit $2
) as cluster;

-- name: latest_risks
select risk.symbol, risk.observed_on, risk.source, risk.value, risk.band, risk.rarity, risk.days, risk.price, risk.known_at
from unnest($1::text[]) as wanted (symbol)
cross join lateral (
  select symbol, observed_on, source, value, band, rarity, days, price, known_at
  from risk_metric
  where risk_metric.symbol = wanted.symbol
  order by observed_on desc, source
  limit 1
) as risk;

-- name: latest_monitors
select symbol, source, observed_at, price, price_at, cascade_risk, cascade_band, pattern
from liquidation_monitor
where symbol = any ($1::text[]);

-- name: keep_conversation
-- Somebody else's conversation is no row here, and nothing of it changes.
insert into conversations as kept (id, user_id, title)
values ($1, $2, $3)
on conflict (id) do update set updated_at = now() where kept.user_id = excluded.user_id
returning updated_at;

-- name: save_question
insert into messages (conversation_id, user_id, role, content, created_at)
values ($1, $2, 'user', $3, $4);

-- name: save_answer
insert into messages (
  id, conversation_id, user_id, role, content, provider, model, hold_id, input_tokens, output_tokens, credits, metadata
)
select $1, $2, $3, 'assistant', $4, $5, $6, $7, $8, $9, $10, $11
-- Its owner may have deleted the conversation meanwhile: the answer is paid for and gone, and no error.
where exists (select from conversations where id = $2 and user_id = $3 for key share)
-- Told to complete a second time, when the first time's commit was not heard of.
on conflict (id) do nothing
returning id;

-- name: find_key
select
  body_sha256, state, message_id,
  exists (select from credit_holds where credit_holds.id = hold_id and credit_holds.state = 'held') as running
from request_keys
where user_id = $1 and key = $2 and expires_at > now();

-- name: claim_key
-- Waits for another request that is claiming the same key, and yields to it.
insert into request_keys (user_id, key, body_sha256)
values ($1, $2, $3)
on conflict (user_id, key) do nothing
returning true;

-- name: lock_key
select from request_keys where user_id = $1 and key = $2 for update;

-- name: reclaim_key
-- A key is free again when it has expired, or when its request died: then nobody holds credits for it any more.
-- Only under the lock and in a statement of its own: the snapshot of the claim is older than the hold it waited for.
update request_keys
set body_sha256 = $3, state = 'in_progress', hold_id = null, message_id = null,
  created_at = now(), expires_at = now() + interval '24 hours'
where user_id = $1 and key = $2
  and (
    expires_at <= now()
    or (
      state = 'in_progress' and body_sha256 = $3
      and not exists (select from credit_holds where credit_holds.id = hold_id and credit_holds.state = 'held')
    )
  )
returning true;

-- name: bind_key
update request_keys set hold_id = $3 where user_id = $1 and key = $2;

-- name: finish_key
-- Only while the key is still ours: a request that died and came back may have been taken over.
update request_keys set state = 'done', message_id = $4 where user_id = $1 and key = $2 and hold_id = $3;

-- name: forget_key
delete from request_keys where user_id = $1 and key = $2 and hold_id = $3;

-- name: stored_answer
select id, conversation_id, content, provider, model, input_tokens, output_tokens, credits, metadata
from messages
where id = $1 and user_id = $2 and role = 'assistant';

-- name: last_question
select id, content, created_at
from messages
where conversation_id = $1 and user_id = $2 and role = 'user'
order by created_at desc, id desc
limit 1;

-- name: supersede_answers
update messages
set superseded_at = now()
where conversation_id = $1 and user_id = $2 and role = 'assistant' and superseded_at is null and created_at >= $3
  and id <> $4;

-- name: announce_answer
insert into answers_under_way (message_id, conversation_id, user_id)
values ($1, $2, $3);

-- name: record_answers
with beating as (
  update answers_under_way
  set beat_at = now(), ended_at = case when batch.is_last then now() end
  from unnest($1::uuid[], $2::integer[], $3::text[], $4::boolean[]) as batch (message_id, place, frames, is_last)
  where answers_under_way.message_id = batch.message_id
  returning batch.message_id, batch.place, batch.frames, answers_under_way.stop_requested_at is not null as is_to_stop
), kept as (
  insert into answer_frames (message_id, place, frames)
  select message_id, place, frames
  from beating
  where frames <> ''
  -- The commit of an earlier attempt may have been lost on its way back.
  on conflict (message_id, place) do nothing
)
select message_id, is_to_stop
from beating;

-- name: told_since
select
  answers_under_way.ended_at is not null as has_ended,
  extract(epoch from now() - answers_under_way.beat_at)::double precision as silent_seconds,
  answer_frames.place,
  answer_frames.frames
from answers_under_way
left join answer_frames on answer_frames.message_id = answers_under_way.message_id and answer_frames.place > $2
where answers_under_way.message_id = $1
order by answer_frames.place;

-- name: answer_under_way
select message_id
from answers_under_way
where conversation_id = $1 and user_id = $2 and ended_at is null
order by started_at desc
limit 1;

-- name: request_stop
update answers_under_way
set stop_requested_at = now()
where conversation_id = $1 and user_id = $2 and ended_at is null and stop_requested_at is null;

-- name: cached_answer
select content, provider, model, answered_at
from cached_answers
where key = $1 and answered_at > now() - interval '5 minutes';

-- name: cache_answer
insert into cached_answers as kept (key, content, provider, model)
values ($1, $2, $3, $4)
-- Of two at once the later one stays; both are true.
on conflict (key) do update
set content = excluded.content, provider = excluded.provider, model = excluded.model, answered_at = now();
