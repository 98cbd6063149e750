-- Daily upkeep of snapshots and of questions that nobody asks any more, in bounded steps.
set local lock_timeout = '5s';

create function private.keep_up_context() returns void
language plpgsql
set search_path = ''
as $$
declare
  -- A day writes about a thousand snapshots.
  rows_max constant integer := 20000;
  snapshots_kept constant interval := '14 days';
  questions_kept constant interval := '31 days';
begin
  delete from public.market_snapshots
  where (source, observed_at) in (
    select source, observed_at
    from public.market_snapshots
    where observed_at < now() - snapshots_kept
    order by observed_at
    limit rows_max
  );
  delete from public.context_readings
  where (source, symbol, timeframe) in (
    select source, symbol, timeframe from public.context_readings where asked_at < now() - questions_kept limit rows_max
  );
end
$$;

comment on function private.keep_up_context() is 'Daily upkeep: market snapshots of two weeks ago go, and questions not asked for a month.';
revoke execute on function private.keep_up_context() from public;

select cron.schedule('upkeep-context', '37 3 * * *', 'select private.keep_up_context()');
