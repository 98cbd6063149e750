-- name: is_traded
select active from instruments where symbol = $1::text;

-- name: ingest_progress
select last_opened_at, failures from ingest_state where symbol = $1::text and timeframe = $2::text;

-- name: save_readings
insert into indicators (symbol, timeframe, opened_at, source, data, observed_at)
select $1::text, $2::text, $3::timestamptz, source, data, observed_at
from unnest($4::text[], $5::jsonb[], $6::timestamptz[]) as observed (source, data, observed_at)
order by source
-- Asked again for the same candle, the later word holds; an older one, from a slower worker, does not undo it.
on conflict (symbol, timeframe, opened_at, source) do update
set data = excluded.data, observed_at = excluded.observed_at
where indicators.data is distinct from excluded.data and indicators.observed_at <= excluded.observed_at;

-- name: save_progress
insert into ingest_state (symbol, timeframe, last_opened_at, failures, next_due_at, last_error)
values ($1::text, $2::text, $3::timestamptz, $4::integer, $5::timestamptz, $6::text)
-- greatest ignores nulls: a slower worker never turns the pair back.
on conflict (symbol, timeframe) do update
set last_opened_at = greatest(ingest_state.last_opened_at, excluded.last_opened_at),
    failures = excluded.failures,
    next_due_at = excluded.next_due_at,
    last_error = excluded.last_error,
    updated_at = now();
