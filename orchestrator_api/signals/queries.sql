-- name: whole_signal
select
  id::text, symbol, timeframe, opened_at, strategy_version, origin, direction, score, strength, confidence, entry_price,
  targets, stop_price, risk_reward, expected_value, verdict, regime, components, calibration, reasons, source, external_id,
  expires_at, created_at, outcomes
from signals
cross join lateral (
  select coalesce(
    jsonb_agg(
      jsonb_build_object(
        'horizon', horizon, 'barrier', barrier, 'ambiguous', ambiguous, 'return_net', return_net, 'r_multiple', r_multiple,
        'mfe', mfe, 'mae', mae, 'closed_at', closed_at, 'label_version', label_version, 'judged_at', judged_at
      )
      order by closed_at, horizon
    ),
    '[]'
  ) as outcomes
  from signal_outcomes
  where signal_id = signals.id
) as ended
where id = $1::uuid;

-- name: last_close
select close
from candles
where symbol = $1::text and timeframe = $2::text
order by opened_at desc, volume desc
limit 1;

-- name: save_relayed
-- Two unique rules may refuse it: one signal per candle and source, and one per name at its source.
insert into signals (
  symbol, timeframe, opened_at, strategy_version, origin, direction, score, strength, confidence, entry_price, targets,
  stop_price, risk_reward, verdict, reasons, expires_at, source, external_id, request_sha256
)
values (
  $1::text, $2::text, $3::timestamptz, $4::text, $5::text, $6::text, $7::double precision, $8::integer,
  $9::double precision, $10::numeric, $11::numeric[], $12::numeric, $13::double precision, $14::text, $15::jsonb,
  $16::timestamptz, $17::text, $18::text, $19::bytea
)
on conflict do nothing
returning id::text, opened_at, strategy_version, origin, request_sha256;

-- name: find_relayed
select id::text, opened_at, strategy_version, origin, request_sha256
from signals
where source = $1::text and external_id = $2::text;
