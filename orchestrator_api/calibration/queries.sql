-- name: calibrations
select
  symbol, timeframe, strategy_version, direction, n, n_effective, expired, first_opened_at, last_opened_at, mean_confidence,
  mean_share, brier, brier_base, skill, brier_earlier, brier_recent, psi, drift, reliability, computed_at
from calibration
where (symbol, timeframe, strategy_version, direction) > ($1::text, $2::text, $3::text, $4::text)
  and ($5::text is null or symbol = $5)
  and ($6::text is null or timeframe = $6)
  and ($7::text is null or direction = $7)
  and ($8::text is null or strategy_version = $8)
  and ($9::text is null or drift = $9)
order by symbol, timeframe, strategy_version, direction
limit $10::integer;
