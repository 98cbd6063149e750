-- Maps every ten minutes, risk once a day, for each watched symbol; and what is old goes.
set local lock_timeout = '5s';

create function queueing.enqueue_for_symbols(queue_name text) returns integer
language sql
set search_path = ''
as $$
  select count(queueing.send_once(queue_name, jsonb_build_object('symbol', symbol)))::integer
  from (select distinct symbol from public.watchers where active order by symbol limit 10000) as watched;
$$;

comment on function queueing.enqueue_for_symbols(text) is
  'Send one message that names its symbol only for each watched symbol; returns how many were sent.';
revoke execute on function queueing.enqueue_for_symbols(text) from public;

create function private.keep_up_clusters() returns void
language plpgsql
set search_path = ''
as $$
declare
  rows_max constant integer := 200000;
  maps_kept constant interval := '90 days';
  pushes_kept constant interval := '7 days';
begin
  delete from public.liq_clusters
  where id in (
    select id from public.liq_clusters where observed_at < now() - maps_kept order by observed_at limit rows_max
  );
  delete from public.cluster_pushes
  where id in (
    select id from public.cluster_pushes where received_at < now() - pushes_kept order by received_at limit rows_max
  );
end
$$;

comment on function private.keep_up_clusters() is 'Daily upkeep of maps and pushes in bounded steps.';
revoke execute on function private.keep_up_clusters() from public;

select cron.schedule('enqueue-clusters', '*/10 * * * *', $$select queueing.enqueue_for_symbols('ingest_clusters')$$);
-- After the day has closed everywhere in UTC, with a margin for the exchange.
select cron.schedule('enqueue-risk', '12 0 * * *', $$select queueing.enqueue_for_symbols('compute_risk')$$);
select cron.schedule('upkeep-clusters', '37 3 * * *', 'select private.keep_up_clusters()');
