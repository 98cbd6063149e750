-- Archives are pruned by age and by size, a batch to a transaction: no long locks, no long snapshot, no flood of WAL.
set local lock_timeout = '5s';

create table queueing.retentions (
  queue text primary key,
  kept interval not null default '14 days' constraint retentions_kept_positive check (kept > '0'),
  rows_max bigint not null default 1000000 constraint retentions_rows_max_positive check (rows_max >= 0)
);

comment on table queueing.retentions is
  'How long and how many messages the archive of a queue keeps, where the defaults do not fit; `<queue>_dead` may be named too.';

alter table queueing.retentions enable row level security;

create function queueing.archive_cutoff(queue_name text) returns timestamptz
language plpgsql
stable
set search_path = ''
as $$
declare
  retention record;
  oldest_within timestamptz;
begin
  select coalesce(own.kept, '14 days') as kept, coalesce(own.rows_max, 1000000) as rows_max
  into retention
  from (select) as always
  left join queueing.retentions as own on own.queue = queue_name;
  -- The newest row that is one too many; everything up to it goes.
  execute format(
    'select archived_at from pgmq.%I order by archived_at desc offset $1 limit 1', 'a_' || queue_name
  ) into oldest_within using retention.rows_max;
  return greatest(now() - retention.kept, oldest_within);
end
$$;

comment on function queueing.archive_cutoff(text) is 'Archived up to here, a message of this queue is no longer kept.';
revoke execute on function queueing.archive_cutoff(text) from public;

-- No `set search_path` here: a procedure that has settings of its own may not commit.
create procedure queueing.keep_up()
language plpgsql
as $$
declare
  rows_max constant integer := 5000;
  batches_max constant integer := 2000;
  failures_kept constant interval := '14 days';
  queue_name text;
  cutoff timestamptz;
  pruned integer;
begin
  perform queueing.repair_queues();
  -- Of messages that somebody deleted by hand while they waited for another attempt.
  delete from queueing.failures where last_failed_at < pg_catalog.now() - failures_kept;
  commit;
  for queue_name in
    select pg_catalog.unnest(array[names, names || '_dead']) from queueing.names()
  loop
    cutoff := queueing.archive_cutoff(queue_name);
    for batch in 1..batches_max loop
      execute pg_catalog.format(
        'delete from pgmq.%1$I where msg_id in ('
        'select msg_id from pgmq.%1$I where archived_at <= $1 order by archived_at limit $2 for update skip locked)',
        'a_' || queue_name
      ) using cutoff, rows_max;
      get diagnostics pruned = row_count;
      commit;
      exit when pruned < rows_max;
    end loop;
  end loop;
end
$$;

comment on procedure queueing.keep_up() is
  'Daily upkeep of the queues: what is missing is repaired, archives are pruned in batches that each commit.';
revoke execute on procedure queueing.keep_up() from public;

create or replace function private.keep_up() returns void
language plpgsql
set search_path = ''
as $$
declare
  rows_max constant integer := 100000;
  errors_kept constant interval := '30 days';
  cron_log_kept constant interval := '7 days';
begin
  perform partitions.ensure_candle_partitions(now(), now() + interval '2 months');
  delete from public.recent_errors where occurred_at < now() - errors_kept;
  delete from public.worker_heartbeats where beat_at < now() - interval '1 day';
  delete from cron.job_run_details
  where runid in (select runid from cron.job_run_details where start_time < now() - cron_log_kept limit rows_max);
end
$$;

comment on function private.keep_up() is 'Daily upkeep in bounded steps: partitions ahead, errors and the log of cron.';

select cron.schedule('queue-upkeep', '43 3 * * *', 'call queueing.keep_up()');
