-- Once a day each watched pair's history is looked through for gaps; one without any costs the worker a statement.
set local lock_timeout = '5s';

create function queueing.enqueue_backfills() returns integer
language plpgsql
set search_path = ''
set timezone = 'UTC'
as $$
declare
  pairs_max constant integer := 10000;
  -- Older gaps are left to `zmarty backfill`.
  looked_back constant interval := '400 days';
  pair record;
  sent integer := 0;
begin
  for pair in
    select watched.symbol, watched.timeframe, greatest(oldest.opened_at, date_trunc('day', now()) - looked_back) as since
    from (select distinct symbol, timeframe from public.watchers where active) as watched
    join public.instruments on instruments.symbol = watched.symbol and instruments.active
    -- A pair without candles has no gaps; its first ingest is under way.
    cross join lateral (
      select candles.opened_at
      from public.candles
      where candles.symbol = watched.symbol and candles.timeframe = watched.timeframe
      order by candles.opened_at
      limit 1
    ) as oldest
    order by watched.symbol, watched.timeframe
    limit pairs_max
  loop
    if queueing.send_once(
      'backfill_candles',
      jsonb_build_object(
        'symbol', pair.symbol,
        'timeframe', pair.timeframe,
        'since', to_char(pair.since, 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
      )
    ) is not null then
      sent := sent + 1;
    end if;
  end loop;
  return sent;
end
$$;

comment on function queueing.enqueue_backfills() is
  'Send one backfill_candles message for each watched pair, from its oldest candle on; returns how many were sent.';
revoke execute on function queueing.enqueue_backfills() from public;

select cron.schedule('enqueue-backfills', '47 4 * * *', 'select queueing.enqueue_backfills()');
