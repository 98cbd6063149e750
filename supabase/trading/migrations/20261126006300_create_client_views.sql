-- Under the names that the customer's other clients know: signals as buy, sell or hold; candles; signals of every source.
set local lock_timeout = '5s';

select private.refuse_clash(array['trading_signals', 'market_data', 'integrated_signals']);

create view public.trading_signals with (security_invoker = true) as
select
  id,
  symbol,
  timeframe,
  case direction when 'long' then 'buy' when 'short' then 'sell' else 'hold' end as signal_type,
  strength,
  confidence as confidence_score,
  entry_price,
  targets[1] as target_price,
  stop_price as stop_loss,
  verdict,
  (
    select string_agg(reason ->> 'text', ' ' order by place)
    from jsonb_array_elements(reasons) with ordinality as said (reason, place)
  ) as reasoning,
  jsonb_build_object(
    'strategy_version', strategy_version, 'origin', origin, 'opened_at', opened_at, 'score', score,
    'components', components, 'targets', to_jsonb(targets)
  ) as metadata,
  expires_at,
  created_at
from public.signals;

create view public.market_data with (security_invoker = true) as
select
  opened_at as "time", symbol, timeframe, exchange, open, high, low, close, volume, volume_usd, trades_count, vwap
from public.candles;

create view public.integrated_signals with (security_invoker = true) as
select
  coalesce(source, 'zmarty') as source,
  id as signal_id,
  symbol,
  timeframe,
  direction,
  confidence,
  strength,
  verdict,
  strategy_version,
  opened_at,
  expires_at,
  created_at
from public.signals;

comment on view public.trading_signals is 'Signals as the customer''s clients read them; signals holds everything.';
comment on view public.market_data is 'Candles under the name and columns of the customer''s hypertable.';
comment on view public.integrated_signals is 'Signals of every source in one list: ours as zmarty, relayed ones by the name of their source.';

revoke all on public.trading_signals, public.market_data, public.integrated_signals from anon, authenticated;
grant select on public.trading_signals, public.market_data, public.integrated_signals to zmarty_api, zmarty_worker;
