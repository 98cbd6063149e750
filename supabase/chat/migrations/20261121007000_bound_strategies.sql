-- Clients may write user_symbols directly; a strategy too deep to be mirrored or shown is refused where it is written.
set local lock_timeout = '5s';

alter table public.user_symbols
  add constraint user_symbols_strategy_shallow check (not jsonb_path_exists(strategy, '$.**{17 to last}'));
