-- name: is_active
select exists (select from instruments where symbol = $1::text and active);

-- name: active_symbols
select symbol from instruments where active;

-- name: list_symbols
insert into instruments (symbol, refreshed_at)
select symbol, now()
from unnest($1::text[]) as listed (symbol)
-- In key order, so that two refreshes wait for each other instead of deadlocking.
order by symbol
on conflict (symbol) do update set active = true, refreshed_at = excluded.refreshed_at;

-- name: delist_symbols
-- Watchers stay as they are: the symbol may come back, and what was recorded of it remains true.
update instruments set active = false where symbol = any($1::text[]) and active;
