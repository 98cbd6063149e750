-- How long analyses and patterns are kept. Judged patterns are the record that their effectiveness rests on.
set local lock_timeout = '5s';

create function private.keep_up_intelligence() returns void
language plpgsql
set search_path = ''
as $$
declare
  rows_max constant integer := 100000;
  analyses_kept constant interval := '90 days';
  patterns_kept constant interval := '5 years';
begin
  delete from public.market_intelligence
  where (symbol, timeframe, opened_at) in (
    select symbol, timeframe, opened_at
    from public.market_intelligence
    where computed_at < now() - analyses_kept
    order by computed_at
    limit rows_max
  );
  delete from public.patterns
  where id in (
    select id from public.patterns where detected_opened_at < now() - patterns_kept order by detected_opened_at limit rows_max
  );
end
$$;

comment on function private.keep_up_intelligence() is 'Daily upkeep: analyses older than 90 days go, patterns after five years.';
revoke execute on function private.keep_up_intelligence() from public;

create index patterns_detected on public.patterns (detected_opened_at);

select cron.schedule('upkeep-intelligence', '37 3 * * *', 'select private.keep_up_intelligence()');
