-- The schedules. Each sends job messages or runs one bounded statement; the worker has no clock of its own.
set local lock_timeout = '5s';

create function queueing.enqueue_due_ingests() returns integer
language plpgsql
set search_path = ''
as $$
declare
  pairs_max constant integer := 10000;
  -- A request whose message was buried or purged is repeated after this long.
  repeat_after constant interval := '15 minutes';
  pair record;
  sent integer := 0;
begin
  insert into public.ingest_state (symbol, timeframe)
  select distinct symbol, timeframe
  from public.watchers
  where active
  on conflict (symbol, timeframe) do nothing;

  for pair in
    -- Marked and sent in one transaction: no due time is requested twice, and none is forgotten.
    update public.ingest_state as state
    set requested_for = state.next_due_at, requested_at = now()
    from (
      select due.symbol, due.timeframe
      from public.ingest_state as due
      where due.next_due_at <= now()
        and (
          due.requested_for is distinct from due.next_due_at
          or due.requested_at < now() - repeat_after
        )
        and exists (
          select
          from public.watchers
          where watchers.active and watchers.symbol = due.symbol and watchers.timeframe = due.timeframe
        )
      order by due.next_due_at
      limit pairs_max
      for update skip locked
    ) as due
    where state.symbol = due.symbol and state.timeframe = due.timeframe
    returning state.symbol, state.timeframe
  loop
    if queueing.send_once(
      'ingest_indicators', jsonb_build_object('symbol', pair.symbol, 'timeframe', pair.timeframe)
    ) is not null then
      sent := sent + 1;
    end if;
  end loop;
  return sent;
end
$$;

comment on function queueing.enqueue_due_ingests() is
  'Send one ingest_indicators message for each watched pair whose candle has closed; returns how many were sent.';
revoke execute on function queueing.enqueue_due_ingests() from public;

create function queueing.enqueue_win_rates() returns integer
language sql
set search_path = ''
as $$
  select count(
    queueing.send_once(
      'compute_winrate', jsonb_build_object('symbol', symbol, 'timeframe', timeframe, 'lookback_days', 30)
    )
  )::integer
  from (select distinct symbol, timeframe from public.watchers where active order by 1, 2 limit 10000) as watched;
$$;

comment on function queueing.enqueue_win_rates() is 'Send one compute_winrate message for each watched pair.';
revoke execute on function queueing.enqueue_win_rates() from public;

create function private.keep_up() returns void
language plpgsql
set search_path = ''
as $$
declare
  rows_max constant integer := 100000;
  archive_kept constant interval := '14 days';
  errors_kept constant interval := '30 days';
  cron_log_kept constant interval := '7 days';
  queue_name text;
begin
  perform partitions.ensure_candle_partitions(now(), now() + interval '2 months');
  foreach queue_name in array array['ingest_indicators', 'compute_signals', 'compute_winrate'] loop
    execute format(
      'delete from pgmq.%1$I where msg_id in (select msg_id from pgmq.%1$I where archived_at < now() - $1 order by archived_at limit $2)',
      'a_' || queue_name
    ) using archive_kept, rows_max;
  end loop;
  delete from public.recent_errors where occurred_at < now() - errors_kept;
  delete from public.worker_heartbeats where beat_at < now() - interval '1 day';
  delete from cron.job_run_details
  where runid in (select runid from cron.job_run_details where start_time < now() - cron_log_kept limit rows_max);
end
$$;

comment on function private.keep_up() is 'Daily upkeep in bounded steps: partitions ahead, archives, errors and the log of cron.';
revoke execute on function private.keep_up() from public;

select cron.schedule('enqueue-due-ingests', '* * * * *', 'select queueing.enqueue_due_ingests()');
select cron.schedule('enqueue-win-rates', '7 * * * *', 'select queueing.enqueue_win_rates()');
select cron.schedule('upkeep', '23 3 * * *', 'select private.keep_up()');

-- The services show how the schedules ran. pg_cron's own tables are row-secured by user name, hence the definer.
create function private.recent_cron_runs(limit_runs integer) returns table (
  job_name text, schedule text, status text, return_message text, started_at timestamptz, ended_at timestamptz
)
language sql
stable
security definer
set search_path = ''
as $$
  select job.jobname::text, job.schedule, run.status, run.return_message, run.start_time, run.end_time
  from cron.job as job
  left join lateral (
    select runid, status, return_message, start_time, end_time
    from cron.job_run_details
    where job_run_details.jobid = job.jobid
    order by runid desc
    limit limit_runs
  ) as run on true
  order by run.runid desc nulls last, job.jobname;
$$;

comment on function private.recent_cron_runs(integer) is
  'The newest runs of each schedule, newest first; a schedule that never ran has one row without times.';
revoke execute on function private.recent_cron_runs(integer) from public;
grant usage on schema private to zmarty_api;
grant execute on function private.recent_cron_runs(integer) to zmarty_api, zmarty_worker;
