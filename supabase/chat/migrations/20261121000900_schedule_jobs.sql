-- The schedules of the chat database. Each runs one bounded statement.
set local lock_timeout = '5s';

create function private.keep_up() returns void
language plpgsql
set search_path = ''
as $$
declare
  rows_max constant integer := 100000;
  outbox_kept constant interval := '14 days';
  errors_kept constant interval := '30 days';
  cron_log_kept constant interval := '7 days';
begin
  delete from public.request_keys
  where (user_id, key) in (select user_id, key from public.request_keys where expires_at < now() limit rows_max);
  delete from public.outbox
  where id in (select id from public.outbox where delivered_at < now() - outbox_kept order by delivered_at limit rows_max);
  delete from public.recent_errors where occurred_at < now() - errors_kept;
  delete from cron.job_run_details
  where runid in (select runid from cron.job_run_details where start_time < now() - cron_log_kept limit rows_max);
end
$$;

comment on function private.keep_up() is 'Daily upkeep in bounded steps: request keys, delivered outbox rows, errors, the log of cron.';
revoke execute on function private.keep_up() from public;

select cron.schedule('expire-holds', '* * * * *', 'select private.expire_holds()');
select cron.schedule('upkeep', '37 3 * * *', 'select private.keep_up()');

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
grant execute on function private.recent_cron_runs(integer) to zmarty_api, zmarty_worker;
