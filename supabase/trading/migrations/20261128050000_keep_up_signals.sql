-- How long signals are kept: as long as anything rests on them. Confidence learns from the newest 20,000 of a pair, win rates
-- look back a year at most; what is beyond both goes, with its outcomes.
set local lock_timeout = '5s';

create function private.keep_up_signals(
  rows_kept integer default 20000, kept interval default '400 days', rows_max integer default 100000
) returns integer
language plpgsql
set search_path = ''
as $$
declare
  series record;
  oldest_kept timestamptz;
  deleted integer;
  total integer := 0;
begin
  -- Every series that has signals has win rates, which are few.
  for series in select distinct symbol, timeframe, strategy_version from public.win_rate loop
    select opened_at into oldest_kept
    from public.signals
    where symbol = series.symbol and timeframe = series.timeframe and strategy_version = series.strategy_version
    order by opened_at desc
    offset rows_kept - 1
    limit 1;
    continue when oldest_kept is null;
    delete from public.signals
    where id in (
      select id
      from public.signals
      where symbol = series.symbol
        and timeframe = series.timeframe
        and strategy_version = series.strategy_version
        and opened_at < least(oldest_kept, now() - kept)
      order by opened_at
      limit rows_max - total
    );
    get diagnostics deleted = row_count;
    total := total + deleted;
    exit when total >= rows_max;
  end loop;
  return total;
end
$$;

comment on function private.keep_up_signals(integer, interval, integer) is
  'Daily upkeep: signals that are neither among the newest of their series nor young enough for any win rate. Returns how many went.';
revoke execute on function private.keep_up_signals(integer, interval, integer) from public;

select cron.schedule('upkeep-signals', '51 3 * * *', 'select private.keep_up_signals()');
