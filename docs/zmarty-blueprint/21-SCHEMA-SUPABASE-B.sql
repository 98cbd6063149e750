-- Supabase B (trading) as its migrations leave it. Generated from supabase/trading/migrations
-- by `make pages`; do not edit. Fingerprint of the migrations: 028d1c4fcb80916f

CREATE SCHEMA partitions;

CREATE SCHEMA private;

CREATE SCHEMA public;

COMMENT ON SCHEMA public IS 'standard public schema';

CREATE SCHEMA queueing;

CREATE FUNCTION partitions.ensure_candle_partitions(first_at timestamp with time zone, last_at timestamp with time zone) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    SET "TimeZone" TO 'UTC'
    AS $$
declare
  months_max constant integer := 600;
  month_start timestamptz := date_trunc('month', first_at, 'UTC');
  partition_name text;
  created integer := 0;
begin
  if last_at < first_at or last_at > first_at + make_interval(months => months_max) then
    raise exception 'the range of candle partitions must be ordered and at most % months long', months_max
      using errcode = 'invalid_parameter_value';
  end if;
  -- Two workers may meet here on the first ingest of a month; the second one waits and finds the work done.
  perform pg_advisory_xact_lock(hashtext('partitions.ensure_candle_partitions'));
  while month_start <= last_at loop
    partition_name := 'candles_' || to_char(month_start, 'YYYY_MM');
    if to_regclass(format('partitions.%I', partition_name)) is null then
      execute format(
        'create table partitions.%I partition of public.candles for values from (%L) to (%L)',
        partition_name, month_start, month_start + interval '1 month'
      );
      execute format('alter table partitions.%I enable row level security', partition_name);
      created := created + 1;
    end if;
    month_start := month_start + interval '1 month';
  end loop;
  return created;
end
$$;

COMMENT ON FUNCTION partitions.ensure_candle_partitions(first_at timestamp with time zone, last_at timestamp with time zone) IS 'Make the monthly partitions that candles opened in this range need; returns how many were missing. Call it before a write.';

CREATE FUNCTION private.admit_request(vendor_name text, request_weight numeric, wait_max_seconds double precision) RETURNS TABLE(verdict text, wait_seconds double precision, used bigint, quota bigint, is_low boolean)
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
declare
  bucket record;
  asked_at timestamptz;
  this_month date;
  full_again_at timestamptz;
begin
  -- This lock is the whole of the atomicity: callers of all processes line up here, one vendor at a time.
  select l.per_second, l.burst, l.monthly_quota, l.warn_share, l.full_at, l.paused_until, l.warned_on
  into bucket
  from public.vendor_limits as l
  where l.vendor = vendor_name
  for update;
  -- Read after the lock: now() is when the statement began to wait for it.
  asked_at := pg_catalog.clock_timestamp();
  this_month := pg_catalog.date_trunc('month', asked_at at time zone 'UTC')::date;
  -- A statement of its own, so that it sees what the holder of the lock before us has counted.
  select u.requests into used from public.vendor_usage as u where u.vendor = vendor_name and u.month = this_month;
  used := coalesce(used, 0);
  quota := bucket.monthly_quota;
  verdict := 'admitted';
  wait_seconds := 0;

  if bucket.per_second is not null then
    full_again_at := greatest(bucket.full_at, asked_at)
      + pg_catalog.make_interval(secs => (request_weight / bucket.per_second)::double precision);
    wait_seconds := greatest(
      0,
      extract(epoch from full_again_at - asked_at)::double precision
        - (bucket.burst / bucket.per_second)::double precision
    );
    if used >= quota then
      verdict := 'quota_used';
      wait_seconds := extract(epoch from (this_month + interval '1 month') at time zone 'UTC' - asked_at);
    elsif wait_seconds > wait_max_seconds then
      -- Refused requests take nothing: who is told to come back later leaves the others' turns alone.
      verdict := case when bucket.paused_until > asked_at then 'paused' else 'limited' end;
    else
      used := used + 1;
      update public.vendor_limits as l set full_at = full_again_at where l.vendor = vendor_name;
    end if;
    is_low := used >= quota * bucket.warn_share and bucket.warned_on is distinct from (asked_at at time zone 'UTC')::date;
    if is_low then
      update public.vendor_limits as l
      set warned_on = (asked_at at time zone 'UTC')::date
      where l.vendor = vendor_name;
    end if;
  end if;
  is_low := coalesce(is_low, false);

  insert into public.vendor_usage as u (vendor, month, requests, weight, refused)
  values (
    vendor_name,
    this_month,
    (verdict = 'admitted')::integer,
    case when verdict = 'admitted' then request_weight else 0 end,
    (verdict <> 'admitted')::integer
  )
  on conflict (vendor, month) do update
  set requests = u.requests + excluded.requests,
      weight = u.weight + excluded.weight,
      refused = u.refused + excluded.refused;
  return next;
end
$$;

COMMENT ON FUNCTION private.admit_request(vendor_name text, request_weight numeric, wait_max_seconds double precision) IS 'Take a turn at a vendor: admitted (after wait_seconds, at most the maximum), limited, paused or quota_used (then wait_seconds says when to ask again). is_low is true for one caller a day once the quota is nearly used.';

CREATE FUNCTION private.forget_absences() RETURNS integer
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
declare
  rows_max constant integer := 100000;
  kept constant interval := '90 days';
  forgotten integer;
begin
  delete from public.candle_absences
  where ctid = any(array(
    select ctid from public.candle_absences where seen_at < now() - kept order by seen_at limit rows_max
  ));
  get diagnostics forgotten = row_count;
  return forgotten;
end
$$;

COMMENT ON FUNCTION private.forget_absences() IS 'Forget what was not seen for ninety days: an exchange may have filled it since. Returns how many stretches.';

CREATE FUNCTION private.forget_analyses(p_rows_max integer DEFAULT 5000) RETURNS integer
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
declare
  kept constant interval := '1 year';
  forgotten integer;
begin
  delete from public.ai_analysis
  where id in (
    select id from public.ai_analysis where created_at < now() - kept order by created_at limit p_rows_max
  );
  get diagnostics forgotten = row_count;
  return forgotten;
end
$$;

COMMENT ON FUNCTION private.forget_analyses(p_rows_max integer) IS 'Delete analyses older than a year, oldest first; returns how many.';

CREATE FUNCTION private.keep_up() RETURNS void
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
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

COMMENT ON FUNCTION private.keep_up() IS 'Daily upkeep in bounded steps: partitions ahead, errors and the log of cron.';

CREATE FUNCTION private.keep_up_clusters() RETURNS void
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
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

COMMENT ON FUNCTION private.keep_up_clusters() IS 'Daily upkeep of maps and pushes in bounded steps.';

CREATE FUNCTION private.keep_up_context() RETURNS void
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
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

COMMENT ON FUNCTION private.keep_up_context() IS 'Daily upkeep: market snapshots of two weeks ago go, and questions not asked for a month.';

CREATE FUNCTION private.keep_up_intelligence() RETURNS void
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
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

COMMENT ON FUNCTION private.keep_up_intelligence() IS 'Daily upkeep: analyses older than 90 days go, patterns after five years.';

CREATE FUNCTION private.keep_up_jobs() RETURNS void
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
declare
  rows_max constant integer := 100000;
  kept constant interval := '30 days';
  -- A job whose message was buried or purged would otherwise stay open for good.
  silent_for constant interval := '1 day';
begin
  update public.jobs
  set state = 'failed', error = 'abandoned: nothing was heard of it for a day', ended_at = now(), updated_at = now()
  where id in (
    select id from public.jobs where ended_at is null and updated_at < now() - silent_for order by updated_at limit rows_max
  );
  delete from public.jobs
  where id in (select id from public.jobs where ended_at < now() - kept order by ended_at limit rows_max);
end
$$;

COMMENT ON FUNCTION private.keep_up_jobs() IS 'Daily upkeep of jobs: silent ones fail, those that ended long ago go.';

CREATE FUNCTION private.keep_up_signals(rows_kept integer DEFAULT 20000, kept interval DEFAULT '400 days'::interval, rows_max integer DEFAULT 100000) RETURNS integer
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
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

COMMENT ON FUNCTION private.keep_up_signals(rows_kept integer, kept interval, rows_max integer) IS 'Daily upkeep: signals that are neither among the newest of their series nor young enough for any win rate. Returns how many went.';

CREATE FUNCTION private.keep_up_simulations() RETURNS void
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
declare
  -- Each row takes up to five thousand trades with it.
  rows_max constant integer := 2000;
  kept constant interval := '90 days';
  silent_for constant interval := '1 day';
begin
  update public.simulations
  set state = 'failed', error = 'abandoned: nothing was heard of it for a day', ended_at = now(), updated_at = now()
  where id in (
    select id
    from public.simulations
    where ended_at is null and updated_at < now() - silent_for
    order by updated_at
    limit rows_max
  );
  delete from public.simulations
  where id in (
    select id from public.simulations where ended_at < now() - kept order by ended_at limit rows_max
  );
end
$$;

COMMENT ON FUNCTION private.keep_up_simulations() IS 'Daily upkeep of simulations: silent ones fail, those that ended long ago go with their trades.';

CREATE FUNCTION private.recent_cron_runs(limit_runs integer) RETURNS TABLE(job_name text, schedule text, status text, return_message text, started_at timestamp with time zone, ended_at timestamp with time zone)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO ''
    AS $$
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

COMMENT ON FUNCTION private.recent_cron_runs(limit_runs integer) IS 'The newest runs of each schedule, newest first; a schedule that never ran has one row without times.';

CREATE FUNCTION private.refuse_clash(names text[]) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
declare
  clashing text;
begin
  select string_agg(format('public.%I', relname), ', ' order by relname)
  into clashing
  from pg_catalog.pg_class
  where relnamespace = 'public'::regnamespace and relkind in ('r', 'p', 'v', 'm', 'f') and relname = any (names);
  if clashing is not null then
    raise exception 'Zmarty would clash with what this database holds already: %', clashing
      using errcode = 'duplicate_table',
            hint = 'Move or rename these (alter table … rename to …), then run the migrations again. Nothing was changed.';
  end if;
end
$$;

COMMENT ON FUNCTION private.refuse_clash(names text[]) IS 'Later migrations call this first with the names they are about to create.';

CREATE FUNCTION private.tell_candles() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    SET "TimeZone" TO 'UTC'
    AS $$
declare
  told record;
begin
  for told in
    insert into public.events (type, symbol, timeframe, data)
    select
      'candle', symbol, timeframe,
      jsonb_build_object('opened_at', max(opened_at), 'first_opened_at', min(opened_at), 'count', count(*))
    from changed
    group by symbol, timeframe
    returning symbol, timeframe
  loop
    perform pg_catalog.pg_notify('zmarty_changed', tg_table_name || ':' || told.symbol || ' ' || told.timeframe);
  end loop;
  return null;
end
$$;

CREATE FUNCTION private.tell_jobs() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    SET "TimeZone" TO 'UTC'
    AS $$
declare
  told record;
begin
  for told in
    insert into public.events (type, user_id, data)
    select
      'job', changed.user_id,
      jsonb_build_object(
        'id', changed.id, 'kind', changed.kind, 'state', changed.state, 'progress', changed.progress,
        'cancel_requested', changed.cancel_requested_at is not null
      )
    from changed
    join before using (id)
    -- A job may report a thousand steps; whoever watches it hears of each full hundredth.
    where changed.state <> before.state
      or floor(changed.progress * 100) <> floor(before.progress * 100)
      or (changed.cancel_requested_at is null) <> (before.cancel_requested_at is null)
    returning data ->> 'id' as id
  loop
    perform pg_catalog.pg_notify('zmarty_changed', tg_table_name || ':' || told.id);
  end loop;
  return null;
end
$$;

CREATE FUNCTION private.tell_new_jobs() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    SET "TimeZone" TO 'UTC'
    AS $$
declare
  told record;
begin
  for told in
    insert into public.events (type, user_id, data)
    select
      'job', user_id,
      jsonb_build_object(
        'id', id, 'kind', kind, 'state', state, 'progress', progress,
        'cancel_requested', cancel_requested_at is not null
      )
    from changed
    returning data ->> 'id' as id
  loop
    perform pg_catalog.pg_notify('zmarty_changed', tg_table_name || ':' || told.id);
  end loop;
  return null;
end
$$;

CREATE FUNCTION private.tell_signals() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    SET "TimeZone" TO 'UTC'
    AS $$
declare
  told record;
begin
  for told in
    insert into public.events (type, symbol, timeframe, data)
    select
      'signal', symbol, timeframe,
      jsonb_build_object(
        'opened_at', max(opened_at),
        'origin', case when bool_or(origin = 'live') then 'live' else 'backfill' end,
        'count', count(*)
      )
    from changed
    group by symbol, timeframe
    returning symbol, timeframe
  loop
    perform pg_catalog.pg_notify('zmarty_changed', tg_table_name || ':' || told.symbol || ' ' || told.timeframe);
  end loop;
  return null;
end
$$;

CREATE FUNCTION private.tell_watchers() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    SET "TimeZone" TO 'UTC'
    AS $$
declare
  told record;
begin
  for told in
    insert into public.events (type, user_id, symbol, timeframe, data)
    select
      'watcher', user_id, symbol, timeframe,
      jsonb_build_object('active', active, 'mirror', jsonb_build_object('state', 'mirrored', 'mirrored_at', updated_at))
    from changed
    order by version
    returning user_id
  loop
    perform pg_catalog.pg_notify('zmarty_changed', tg_table_name || ':' || told.user_id);
  end loop;
  return null;
end
$$;

CREATE FUNCTION private.tell_win_rates() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    SET "TimeZone" TO 'UTC'
    AS $$
declare
  told record;
begin
  for told in
    insert into public.events (type, symbol, timeframe, data)
    select 'win_rate', symbol, timeframe, jsonb_build_object('computed_at', max(computed_at), 'count', count(*))
    from changed
    group by symbol, timeframe
    returning symbol, timeframe
  loop
    perform pg_catalog.pg_notify('zmarty_changed', tg_table_name || ':' || told.symbol || ' ' || told.timeframe);
  end loop;
  return null;
end
$$;

CREATE FUNCTION private.trim_events() RETURNS integer
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
declare
  rows_max constant integer := 100000;
  events_max constant integer := 100000;
  kept constant interval := '12 hours';
  surplus bigint := (select count(*) from public.events) - events_max;
  last_xid xid8;
  last_id bigint;
  removed integer;
begin
  -- A dump restored into another cluster brings places that its transactions have not reached yet.
  delete from public.events where xid >= pg_snapshot_xmax(pg_current_snapshot());
  update private.trimmed_events
  set xid = pg_snapshot_xmin(pg_current_snapshot()), id = 0
  where xid >= pg_snapshot_xmax(pg_current_snapshot());

  select oldest.xid, oldest.id
  into last_xid, last_id
  from (
    select xid, id, created_at, row_number() over (order by xid, id) as place
    from public.events
    where xid < pg_snapshot_xmin(pg_current_snapshot())
    order by xid, id
    limit rows_max
  ) as oldest
  where oldest.created_at < now() - kept or oldest.place <= surplus
  order by oldest.xid desc, oldest.id desc
  limit 1;
  if last_xid is null then
    return 0;
  end if;
  -- The mark before the rows, in one transaction: no reader finds a gap that is not marked.
  update private.trimmed_events set xid = last_xid, id = last_id;
  delete from public.events where (xid, id) <= (last_xid, last_id);
  get diagnostics removed = row_count;
  return removed;
end
$$;

COMMENT ON FUNCTION private.trim_events() IS 'Keep the events of twelve hours and at most a hundred thousand; clients who come from further back are told to fetch anew.';

CREATE FUNCTION queueing.archive_cutoff(queue_name text) RETURNS timestamp with time zone
    LANGUAGE plpgsql STABLE
    SET search_path TO ''
    AS $_$
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
$_$;

COMMENT ON FUNCTION queueing.archive_cutoff(queue_name text) IS 'Archived up to here, a message of this queue is no longer kept.';

CREATE FUNCTION queueing.create_queue(queue_name text) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
begin
  perform pgmq.create(queue_name);
  perform pgmq.create(queue_name || '_dead');
  perform queueing.repair_queue(queue_name);
end
$$;

COMMENT ON FUNCTION queueing.create_queue(queue_name text) IS 'A queue and its dead letters with everything that Zmarty adds to pgmq''s tables. Migrations call it; services never do.';

CREATE FUNCTION queueing.dead_letters(queue text, before_buried timestamp with time zone, before_queue text, before_id bigint, quantity integer) RETURNS TABLE(queue_name text, msg_id bigint, buried_at timestamp with time zone, message jsonb)
    LANGUAGE plpgsql STABLE
    SET search_path TO ''
    AS $_$
declare
  branches text;
begin
  if queue is not null then
    perform queueing.require_queue(queue);
  end if;
  -- Each branch is bounded by itself, so that a page costs the same however many letters there are.
  select string_agg(
    format(
      '(select %1$L::text as queue_name, msg_id, enqueued_at as buried_at, message
        from pgmq.%2$I
        where $1 is null or (enqueued_at, %1$L::text, msg_id) < ($1, $2, $3)
        order by enqueued_at desc, msg_id desc
        limit $4)',
      job.name, 'q_' || job.name || '_dead'
    ),
    ' union all '
  )
  into branches
  from queueing.names() as job (name)
  where queue is null or job.name = queue;
  if branches is not null then
    return query execute
      format('select * from (%s) as letters order by buried_at desc, queue_name desc, msg_id desc limit $4', branches)
      using before_buried, before_queue, before_id, quantity;
  end if;
end
$_$;

COMMENT ON FUNCTION queueing.dead_letters(queue text, before_buried timestamp with time zone, before_queue text, before_id bigint, quantity integer) IS 'Dead letters of one queue or, for null, of all, newest first; the before_… name the last one seen.';

CREATE FUNCTION queueing.discard_dead(queue text, msg_ids bigint[]) RETURNS integer
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $_$
declare
  discarded integer;
begin
  perform queueing.require_queue(queue);
  perform queueing.require_few(msg_ids);
  execute format(
    'with taken as (
       delete from pgmq.%1$I where msg_id = any ($1) returning msg_id, read_ct, enqueued_at, vt, message
     )
     insert into pgmq.%2$I (msg_id, read_ct, enqueued_at, vt, message)
     select msg_id, read_ct, enqueued_at, vt, message from taken',
    'q_' || queue || '_dead', 'a_' || queue || '_dead'
  ) using msg_ids;
  get diagnostics discarded = row_count;
  return discarded;
end
$_$;

COMMENT ON FUNCTION queueing.discard_dead(queue text, msg_ids bigint[]) IS 'Archive these dead letters without doing their work; returns how many there were.';

CREATE FUNCTION queueing.enqueue_backfills() RETURNS integer
    LANGUAGE plpgsql
    SET search_path TO ''
    SET "TimeZone" TO 'UTC'
    AS $$
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

COMMENT ON FUNCTION queueing.enqueue_backfills() IS 'Send one backfill_candles message for each watched pair, from its oldest candle on; returns how many were sent.';

CREATE FUNCTION queueing.enqueue_due_ingests() RETURNS integer
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
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

COMMENT ON FUNCTION queueing.enqueue_due_ingests() IS 'Send one ingest_indicators message for each watched pair whose candle has closed; returns how many were sent.';

CREATE FUNCTION queueing.enqueue_for_symbols(queue_name text) RETURNS integer
    LANGUAGE sql
    SET search_path TO ''
    AS $$
  select count(queueing.send_once(queue_name, jsonb_build_object('symbol', symbol)))::integer
  from (select distinct symbol from public.watchers where active order by symbol limit 10000) as watched;
$$;

COMMENT ON FUNCTION queueing.enqueue_for_symbols(queue_name text) IS 'Send one message that names its symbol only for each watched symbol; returns how many were sent.';

CREATE FUNCTION queueing.enqueue_observe_market() RETURNS bigint
    LANGUAGE sql
    SET search_path TO ''
    AS $$
  select queueing.send_once('observe_market', '{}');
$$;

COMMENT ON FUNCTION queueing.enqueue_observe_market() IS 'Send one observe_market message; null when one waits unread.';

CREATE FUNCTION queueing.enqueue_reconcile() RETURNS bigint
    LANGUAGE sql
    SET search_path TO ''
    AS $$
  select queueing.send_once('reconcile', '{}');
$$;

COMMENT ON FUNCTION queueing.enqueue_reconcile() IS 'Send one reconcile message for all users; null when one waits unread.';

CREATE FUNCTION queueing.enqueue_refresh() RETURNS bigint
    LANGUAGE sql
    SET search_path TO ''
    AS $$
  select queueing.send_once('refresh_instruments', '{}');
$$;

COMMENT ON FUNCTION queueing.enqueue_refresh() IS 'Send one refresh_instruments message; null when one waits unread.';

CREATE FUNCTION queueing.enqueue_win_rates() RETURNS integer
    LANGUAGE sql
    SET search_path TO ''
    AS $$
  select count(
    queueing.send_once(
      'compute_winrate', jsonb_build_object('symbol', symbol, 'timeframe', timeframe, 'lookback_days', 30)
    )
  )::integer
  from (select distinct symbol, timeframe from public.watchers where active order by 1, 2 limit 10000) as watched;
$$;

COMMENT ON FUNCTION queueing.enqueue_win_rates() IS 'Send one compute_winrate message for each watched pair.';

CREATE FUNCTION queueing.horizon() RETURNS TABLE(pid integer, application_name text, state text, age_seconds double precision)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO ''
    AS $$
  select activity.pid, activity.application_name, activity.state,
    extract(epoch from now() - activity.xact_start)::double precision
  from pg_catalog.pg_stat_activity as activity
  where activity.datname = pg_catalog.current_database()
    and activity.pid <> pg_catalog.pg_backend_pid()
    and activity.xact_start is not null
    -- Without a snapshot and without a write, an open transaction holds nothing back.
    and (activity.backend_xmin is not null or activity.backend_xid is not null)
    and activity.backend_type = 'client backend'
  order by activity.xact_start
  limit 1;
$$;

COMMENT ON FUNCTION queueing.horizon() IS 'The oldest transaction that keeps vacuum from removing the dead rows of the queues; no row when there is none.';

CREATE PROCEDURE queueing.keep_up()
    LANGUAGE plpgsql
    AS $_$
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
$_$;

COMMENT ON PROCEDURE queueing.keep_up() IS 'Daily upkeep of the queues: what is missing is repaired, archives are pruned in batches that each commit.';

CREATE FUNCTION queueing.names() RETURNS SETOF text
    LANGUAGE sql STABLE
    SET search_path TO ''
    AS $$
  select queue.queue_name::text
  from pgmq.meta as queue
  where exists (select from pgmq.meta as dead where dead.queue_name = queue.queue_name || '_dead')
  order by 1;
$$;

COMMENT ON FUNCTION queueing.names() IS 'The job queues: those with dead letters.';

CREATE FUNCTION queueing.notify_sent() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
begin
  perform pg_catalog.pg_notify('zmarty_queue', tg_argv[0]);
  return null;
end
$$;

COMMENT ON FUNCTION queueing.notify_sent() IS 'Wakes the consumers. For each statement and not for each row: a batch of a hundred wakes once.';

CREATE FUNCTION queueing.pause(queue text, actor text) RETURNS boolean
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
begin
  if not exists (select from pgmq.meta where queue_name = pause.queue) then
    raise exception 'there is no queue named %', pause.queue using errcode = 'undefined_object';
  end if;
  -- The first pause stands: who stopped a queue matters more than who asked again.
  insert into queueing.pauses (queue, paused_by)
  values (pause.queue, pause.actor)
  on conflict on constraint pauses_pkey do nothing;
  return found;
end
$$;

COMMENT ON FUNCTION queueing.pause(queue text, actor text) IS 'Stop handing out messages of a queue; says whether it was running. What is leased already goes on to its end.';

CREATE FUNCTION queueing.peek(queue text, after_due timestamp with time zone, after_id bigint, quantity integer) RETURNS TABLE(msg_id bigint, state text, read_count integer, enqueued_at timestamp with time zone, due_at timestamp with time zone, message jsonb, failure_code text, failure text, first_failed_at timestamp with time zone)
    LANGUAGE plpgsql STABLE
    SET search_path TO ''
    AS $_$
begin
  perform queueing.require_queue(queue);
  return query execute format(
    -- The states are those that queueing.stats() counts.
    'select
       waiting.msg_id,
       case
         when waiting.vt <= now() then ''due''
         when waiting.read_ct = 0 or failed.due_at = waiting.vt then ''postponed''
         else ''in_flight''
       end,
       waiting.read_ct, waiting.enqueued_at, waiting.vt, waiting.message,
       failed.code, failed.error, failed.first_failed_at
     from pgmq.%I as waiting
     left join queueing.failures as failed on failed.queue = $1 and failed.msg_id = waiting.msg_id
     where $2 is null or (waiting.vt, waiting.msg_id) > ($2, $3)
     order by waiting.vt, waiting.msg_id
     limit $4',
    'q_' || queue
  ) using queue, after_due, after_id, quantity;
end
$_$;

COMMENT ON FUNCTION queueing.peek(queue text, after_due timestamp with time zone, after_id bigint, quantity integer) IS 'The messages of a queue in the order they are due, without leasing them; after_due and after_id name the last one seen.';

CREATE FUNCTION queueing.purge(queue text, quantity integer) RETURNS integer
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $_$
declare
  messages_max constant integer := 10000;
  purged integer;
begin
  perform queueing.require_queue(queue);
  if quantity is null or quantity not between 1 and messages_max then
    raise exception 'purge at least 1 and at most % messages at a time', messages_max
      using errcode = 'invalid_parameter_value';
  end if;
  execute format(
    -- What a worker holds at this moment is passed over. A leased message that goes loses its lease: its late
    -- completion finds nothing and writes nothing.
    'with chosen as (
       select msg_id from pgmq.%1$I order by vt limit $1 for update skip locked
     ), gone as (
       delete from pgmq.%1$I as waiting using chosen where waiting.msg_id = chosen.msg_id returning waiting.msg_id
     ), forgotten as (
       delete from queueing.failures using gone where failures.queue = $2 and failures.msg_id = gone.msg_id
     )
     select count(*)::integer from gone',
    'q_' || queue
  ) using quantity, queue into purged;
  return purged;
end
$_$;

COMMENT ON FUNCTION queueing.purge(queue text, quantity integer) IS 'Delete up to so many messages of a queue for good, those due first; returns how many. Dead letters stay.';

CREATE FUNCTION queueing.repair_queue(queue_name text) RETURNS text[]
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $_$
declare
  live constant text := 'q_' || queue_name;
  once constant text := live || '_unread_once';
  -- A queue's rows live for seconds: vacuum by count, not by a share of a table that is mostly empty.
  settings constant text[] := array[
    'autovacuum_vacuum_scale_factor=0', 'autovacuum_vacuum_threshold=2000', 'autovacuum_vacuum_cost_delay=0'
  ];
  services constant text[] := array['zmarty_api', 'zmarty_worker'];
  relation oid := to_regclass(format('pgmq.%I', live));
  table_name text;
  role_name text;
  repaired text[] := '{}';
begin
  if not exists (
    select
    from pg_catalog.pg_trigger
    where tgrelid = relation and tgname = 'notify_sent' and tgenabled <> 'D'
      and tgfoid = 'queueing.notify_sent()'::regprocedure
  ) then
    execute format('drop trigger if exists notify_sent on pgmq.%I', live);
    execute format(
      'create trigger notify_sent after insert on pgmq.%I for each statement execute function queueing.notify_sent(%L)',
      live, queue_name
    );
    repaired := repaired || format('trigger notify_sent on %s', live);
  end if;

  -- What coalesces equal work while it is unread; messages sent by hand carry no key and are never merged away.
  if not exists (
    select
    from pg_catalog.pg_index
    where indrelid = relation and indexrelid = to_regclass(format('pgmq.%I', once)) and indisvalid and indisunique
  ) then
    execute format('drop index if exists pgmq.%I', once);
    -- While it was missing, equal work may have been sent twice. It loses its key and is done twice, never lost.
    execute format(
      $once$
      update pgmq.%1$I
      set message = message - 'key'
      where read_ct = 0 and message ? 'key' and msg_id not in (
        select min(msg_id) from pgmq.%1$I where read_ct = 0 and message ? 'key' group by message ->> 'key'
      )
      $once$,
      live
    );
    execute format(
      'create unique index %I on pgmq.%I ((message ->> ''key'')) where read_ct = 0 and message ? ''key''', once, live
    );
    repaired := repaired || format('index %s', once);
  end if;

  -- pgmq's own; without it each lease would walk through the whole queue.
  if not exists (
    select
    from pg_catalog.pg_index
    join pg_catalog.pg_attribute on attrelid = indrelid and attnum = indkey[0]
    where indrelid = relation and attname = 'vt' and indisvalid
  ) then
    execute format('create index %I on pgmq.%I (vt)', live || '_vt_idx', live);
    repaired := repaired || format('index %s_vt_idx', live);
  end if;

  if not coalesce((select reloptions @> settings from pg_catalog.pg_class where oid = relation), false) then
    execute format('alter table pgmq.%I set (%s)', live, array_to_string(settings, ', '));
    repaired := repaired || format('autovacuum of %s', live);
  end if;

  foreach table_name in array array[live, 'a_' || queue_name, live || '_dead', 'a_' || queue_name || '_dead'] loop
    relation := to_regclass(format('pgmq.%I', table_name));
    if not (select relrowsecurity from pg_catalog.pg_class where oid = relation) then
      execute format('alter table pgmq.%I enable row level security', table_name);
      repaired := repaired || format('row level security of %s', table_name);
    end if;
    if not exists (select from pg_catalog.pg_policy where polrelid = relation and polname = 'services_keep') then
      execute format(
        'create policy services_keep on pgmq.%I to zmarty_api, zmarty_worker using (true) with check (true)', table_name
      );
      repaired := repaired || format('policy of %s', table_name);
    end if;
    foreach role_name in array services loop
      if not (
        has_table_privilege(role_name, relation, 'select') and has_table_privilege(role_name, relation, 'insert')
        and has_table_privilege(role_name, relation, 'update') and has_table_privilege(role_name, relation, 'delete')
      ) then
        execute format('grant select, insert, update, delete on pgmq.%I to %I', table_name, role_name);
        repaired := repaired || format('rights of %s on %s', role_name, table_name);
      end if;
    end loop;
  end loop;

  -- pgmq.metrics reads the total from the sequence.
  foreach table_name in array array[live || '_msg_id_seq', live || '_dead_msg_id_seq'] loop
    foreach role_name in array services loop
      if not (
        has_sequence_privilege(role_name, format('pgmq.%I', table_name), 'usage')
        and has_sequence_privilege(role_name, format('pgmq.%I', table_name), 'select')
      ) then
        execute format('grant usage, select on sequence pgmq.%I to %I', table_name, role_name);
        repaired := repaired || format('rights of %s on %s', role_name, table_name);
      end if;
    end loop;
  end loop;
  return repaired;
end
$_$;

COMMENT ON FUNCTION queueing.repair_queue(queue_name text) IS 'Give a queue whatever it lacks of what Zmarty adds to pgmq''s tables; names what was missing. Looks only, when nothing is.';

CREATE FUNCTION queueing.repair_queues() RETURNS SETOF text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    SET lock_timeout TO '2s'
    AS $$
declare
  queue_name text;
begin
  -- One at a time is enough, and two would wait for each other.
  if not pg_try_advisory_xact_lock(hashtext('queueing.repair_queues')) then
    return;
  end if;
  for queue_name in select names from queueing.names() loop
    begin
      return query select unnest(queueing.repair_queue(queue_name));
    exception
      when lock_not_available then
        raise warning 'queue % is too busy to be repaired now; the next look tries again', queue_name;
    end;
  end loop;
end
$$;

COMMENT ON FUNCTION queueing.repair_queues() IS 'Repair every job queue; one row for each thing that was missing. Workers call it at their start and now and then.';

CREATE FUNCTION queueing.require_few(msg_ids bigint[]) RETURNS void
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO ''
    AS $$
declare
  letters_max constant integer := 1000;
begin
  if msg_ids is null or cardinality(msg_ids) > letters_max or array_position(msg_ids, null) is not null then
    raise exception 'name at most % messages at a time', letters_max using errcode = 'invalid_parameter_value';
  end if;
end
$$;

COMMENT ON FUNCTION queueing.require_few(msg_ids bigint[]) IS 'Raises invalid_parameter_value for a list that one short transaction should not work through.';

CREATE FUNCTION queueing.require_queue(queue text) RETURNS void
    LANGUAGE plpgsql STABLE
    SET search_path TO ''
    AS $$
begin
  -- Names of tables are put together from this text: only a job queue, which has dead letters of its own, may pass.
  if queue is null or queue not in (select names from queueing.names()) then
    raise exception 'there is no queue %', coalesce(queue, '(null)')
      using errcode = 'undefined_object',
            hint = format('There are %s.', (select string_agg(names, ', ') from queueing.names()));
  end if;
end
$$;

COMMENT ON FUNCTION queueing.require_queue(queue text) IS 'Raises undefined_object, naming the queues there are, unless this is a job queue with its dead letters.';

CREATE FUNCTION queueing.resume(queue text) RETURNS boolean
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
begin
  delete from queueing.pauses where pauses.queue = resume.queue;
  if not found then
    return false;
  end if;
  -- Whatever became due meanwhile is taken at once and not at the next poll.
  perform pg_catalog.pg_notify('zmarty_queue', resume.queue);
  return true;
end
$$;

COMMENT ON FUNCTION queueing.resume(queue text) IS 'Hand out messages again; says whether the queue was paused.';

CREATE FUNCTION queueing.retry_dead(queue text, msg_ids bigint[]) RETURNS integer
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $_$
declare
  letter record;
  retried integer := 0;
begin
  perform queueing.require_queue(queue);
  perform queueing.require_few(msg_ids);
  for letter in execute format(
    -- The delete locks the letters: of two operators who retry the same one, the second finds nothing.
    -- A letter that somebody wrote by hand, without an original, stays: there is nothing to send.
    'with taken as (
       delete from pgmq.%1$I
       where msg_id = any ($1) and jsonb_typeof(message) = ''object'' and message ? ''original''
       returning msg_id, read_ct, enqueued_at, vt, message
     ), kept as (
       insert into pgmq.%2$I (msg_id, read_ct, enqueued_at, vt, message)
       select msg_id, read_ct, enqueued_at, vt, message from taken
     )
     -- In key order, as every batch that may be coalesced: two senders then cannot wait for each other.
     select message -> ''original'' as original
     from taken
     order by message -> ''original'' ->> ''key'', msg_id',
    'q_' || queue || '_dead', 'a_' || queue || '_dead'
  ) using msg_ids
  loop
    if jsonb_typeof(letter.original) = 'object' and letter.original ? 'key' then
      -- Coalesced work stays coalesced: when equal work waits already, that is the retry.
      perform queueing.send_once(queue, letter.original - 'key');
    else
      perform pgmq.send(queue::text, letter.original::jsonb);
    end if;
    retried := retried + 1;
  end loop;
  return retried;
end
$_$;

COMMENT ON FUNCTION queueing.retry_dead(queue text, msg_ids bigint[]) IS 'Send the originals of these dead letters as new messages and archive the letters; returns how many. Those that are gone, or hold no original, are left as they are. Calling it again changes nothing more.';

CREATE FUNCTION queueing.send_once(queue_name text, message jsonb) RETURNS bigint
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
declare
  sent bigint;
begin
  -- jsonb writes its keys in one order, so that equal payloads have equal text.
  select send into sent
  from pgmq.send(queue_name::text, (message || jsonb_build_object('key', md5(message::text)))::jsonb);
  return sent;
exception
  when unique_violation then
    return null;
end
$$;

COMMENT ON FUNCTION queueing.send_once(queue_name text, message jsonb) IS 'Send a message unless an equal one of ours waits unread; returns its id, or null when it was absorbed.';

CREATE FUNCTION queueing.stats() RETURNS TABLE(queue text, depth bigint, due bigint, postponed bigint, in_flight bigint, oldest_due_seconds double precision, dead bigint, archived bigint, total bigint, table_bytes bigint, dead_tuples bigint, paused_at timestamp with time zone, paused_by text)
    LANGUAGE plpgsql STABLE
    SET search_path TO ''
    AS $_$
#variable_conflict use_column
declare
  -- Messages are counted up to here; beyond it the planner's estimate serves.
  counted_max constant integer := 10000;
  live oid;
  later bigint;
begin
  for queue in select names from queueing.names() loop
    -- Ordered by vt on pgmq's index: what is leased comes due within minutes and stands before what was postponed.
    execute format(
      $count$
      select
        (select count(*) from (select from pgmq.%1$I where vt <= now() order by vt limit $1) as counted),
        (select extract(epoch from now() - min(vt))::double precision from pgmq.%1$I where vt <= now()),
        count(*),
        count(*) filter (where waiting.read_ct > 0 and failed.due_at is distinct from waiting.vt)
      from (
        select msg_id, vt, read_ct from pgmq.%1$I where vt > now() order by vt limit $1
      ) as waiting
      left join queueing.failures as failed on failed.queue = $2 and failed.msg_id = waiting.msg_id
      $count$,
      'q_' || queue
    ) using counted_max, queue into due, oldest_due_seconds, later, in_flight;

    live := to_regclass(format('pgmq.%I', 'q_' || queue));
    depth := due + later;
    if due = counted_max or later = counted_max then
      select greatest(depth, relation.reltuples::bigint)
      into depth
      from pg_catalog.pg_class as relation
      where relation.oid = live;
      if due = counted_max then
        due := depth - later;
      end if;
    end if;
    postponed := depth - due - in_flight;

    execute format(
      'select count(*) from (select from pgmq.%I limit $1) as counted', 'q_' || queue || '_dead'
    ) using counted_max into dead;
    execute format(
      'select count(*) from (select from pgmq.%I limit $1) as counted', 'a_' || queue
    ) using counted_max into archived;
    if archived = counted_max then
      select greatest(archived, relation.reltuples::bigint)
      into archived
      from pg_catalog.pg_class as relation
      where relation.relnamespace = 'pgmq'::regnamespace and relation.relname = 'a_' || queue;
    end if;
    execute format(
      'select case when is_called then last_value else 0 end from pgmq.%I', 'q_' || queue || '_msg_id_seq'
    ) into total;

    table_bytes := pg_catalog.pg_total_relation_size(live);
    dead_tuples := coalesce(pg_catalog.pg_stat_get_dead_tuples(live), 0);

    select pause.paused_at, pause.paused_by
    into paused_at, paused_by
    from queueing.pauses as pause
    where pause.queue = stats.queue;
    return next;
  end loop;
end
$_$;

COMMENT ON FUNCTION queueing.stats() IS 'One row for each job queue. Exact up to 10000 due and 10000 later messages, beyond that the planner''s estimate; dead letters are counted up to 10000. The oldest age counts due messages only: one that was postponed until tomorrow is not late.';

CREATE TABLE public.candles (
    symbol text NOT NULL,
    timeframe text NOT NULL,
    opened_at timestamp with time zone NOT NULL,
    exchange text NOT NULL,
    open numeric NOT NULL,
    high numeric NOT NULL,
    low numeric NOT NULL,
    close numeric NOT NULL,
    volume numeric NOT NULL,
    volume_usd numeric,
    trades_count bigint,
    vwap numeric,
    source text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT candles_prices_positive CHECK (((open > (0)::numeric) AND (high > (0)::numeric) AND (low > (0)::numeric) AND (close > (0)::numeric))),
    CONSTRAINT candles_range_holds CHECK (((low <= LEAST(open, close)) AND (GREATEST(open, close) <= high))),
    CONSTRAINT candles_volume_counted CHECK ((volume >= (0)::numeric))
)
PARTITION BY RANGE (opened_at);

CREATE TABLE private.trimmed_events (
    is_only boolean DEFAULT true NOT NULL,
    xid xid8 NOT NULL,
    id bigint NOT NULL,
    CONSTRAINT trimmed_events_one_row CHECK (is_only)
);

COMMENT ON TABLE private.trimmed_events IS 'Up to where events were removed; who stands before it has missed some.';

CREATE TABLE public.ai_analysis (
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    request_type text NOT NULL,
    query text NOT NULL,
    ai_model text NOT NULL,
    provider text,
    response text NOT NULL,
    tokens_used integer NOT NULL,
    credits_charged integer NOT NULL,
    processing_time_ms integer NOT NULL,
    metadata jsonb DEFAULT '{}'::jsonb NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT ai_analysis_credits_counted CHECK ((credits_charged >= 0)),
    CONSTRAINT ai_analysis_metadata_bounded CHECK ((pg_column_size(metadata) <= 65536)),
    CONSTRAINT ai_analysis_query_bounded CHECK (((char_length(query) >= 1) AND (char_length(query) <= 8000))),
    CONSTRAINT ai_analysis_request_type_known CHECK ((request_type = ANY (ARRAY['market_analysis'::text, 'portfolio_review'::text, 'signal_generation'::text]))),
    CONSTRAINT ai_analysis_response_bounded CHECK ((char_length(response) <= 200000)),
    CONSTRAINT ai_analysis_time_counted CHECK ((processing_time_ms >= 0)),
    CONSTRAINT ai_analysis_tokens_counted CHECK ((tokens_used >= 0))
);

COMMENT ON TABLE public.ai_analysis IS 'The id is that of the message in the chat database, so that writing it again changes nothing. Kept for a year.';

CREATE TABLE public.calibration (
    symbol text NOT NULL,
    timeframe text NOT NULL,
    strategy_version text NOT NULL,
    direction text NOT NULL,
    n integer NOT NULL,
    n_effective double precision NOT NULL,
    expired integer NOT NULL,
    first_opened_at timestamp with time zone,
    last_opened_at timestamp with time zone,
    mean_confidence double precision,
    mean_share double precision,
    brier double precision,
    brier_base double precision,
    skill double precision,
    brier_earlier double precision,
    brier_recent double precision,
    psi double precision,
    drift text NOT NULL,
    reliability jsonb DEFAULT '[]'::jsonb NOT NULL,
    computed_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT calibration_direction_known CHECK ((direction = ANY (ARRAY['long'::text, 'short'::text, 'all'::text]))),
    CONSTRAINT calibration_drift_known CHECK ((drift = ANY (ARRAY['none'::text, 'moderate'::text, 'strong'::text, 'unknown'::text]))),
    CONSTRAINT calibration_expired_counted CHECK (((expired >= 0) AND (expired <= n))),
    CONSTRAINT calibration_n_counted CHECK ((n >= 0))
);

COMMENT ON TABLE public.calibration IS 'Brier score, reliability and drift of the confidences of judged signals; upserted, so it grows with pairs and not with time.';

COMMENT ON COLUMN public.calibration.mean_share IS 'What happened on average: 1 for a target, 0 for a stop, and for an expiry how far from stop to target it ended.';

COMMENT ON COLUMN public.calibration.brier_base IS 'The Brier score of the base rate, as it was known when each signal was given.';

COMMENT ON COLUMN public.calibration.skill IS '1 − brier / brier_base: above zero, the confidences said more than the base rate.';

COMMENT ON COLUMN public.calibration.psi IS 'Population stability index of the strengths, recent against earlier: below 0.1 the same, above 0.25 another population.';

CREATE TABLE public.candle_absences (
    symbol text NOT NULL,
    timeframe text NOT NULL,
    exchange text NOT NULL,
    first_opened_at timestamp with time zone NOT NULL,
    last_opened_at timestamp with time zone NOT NULL,
    seen_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT candle_absences_ordered CHECK ((first_opened_at <= last_opened_at))
);

COMMENT ON TABLE public.candle_absences IS 'Opening times, both ends included, for which an exchange has no candles. Forgotten after ninety days and then asked once more.';

CREATE TABLE public.cluster_asks (
    symbol text NOT NULL,
    source text NOT NULL,
    asked_at timestamp with time zone NOT NULL
);

COMMENT ON TABLE public.cluster_asks IS 'When a source was last asked for a symbol''s map, so that nobody asks it twice for the same one. A row for each symbol and source.';

CREATE TABLE public.cluster_pushes (
    id text NOT NULL,
    symbol text NOT NULL,
    observed_at timestamp with time zone NOT NULL,
    clusters jsonb,
    image bytea,
    media_type text,
    confidence double precision,
    link text,
    state text DEFAULT 'waiting'::text NOT NULL,
    refusal text,
    received_at timestamp with time zone DEFAULT now() NOT NULL,
    ended_at timestamp with time zone,
    CONSTRAINT cluster_pushes_clusters_bounded CHECK ((pg_column_size(clusters) <= 262144)),
    CONSTRAINT cluster_pushes_confidence_bounded CHECK (((confidence >= (0)::double precision) AND (confidence <= (1)::double precision))),
    CONSTRAINT cluster_pushes_ended_once CHECK (((state = 'waiting'::text) = (ended_at IS NULL))),
    CONSTRAINT cluster_pushes_id_bounded CHECK (((length(id) >= 1) AND (length(id) <= 128))),
    CONSTRAINT cluster_pushes_image_bounded CHECK ((octet_length(image) <= 2097152)),
    CONSTRAINT cluster_pushes_link_bounded CHECK ((length(link) <= 500)),
    CONSTRAINT cluster_pushes_media_type_known CHECK ((media_type = ANY (ARRAY['image/png'::text, 'image/jpeg'::text]))),
    CONSTRAINT cluster_pushes_one_kind CHECK (((clusters IS NULL) = (media_type IS NOT NULL))),
    CONSTRAINT cluster_pushes_refusal_bounded CHECK ((length(refusal) <= 500)),
    CONSTRAINT cluster_pushes_state_known CHECK ((state = ANY (ARRAY['waiting'::text, 'kept'::text, 'refused'::text])))
);

COMMENT ON TABLE public.cluster_pushes IS 'One row a webhook-id, so that a replay is seen. At most 200 pushes and 50 images wait at once; an image goes with the end of its push, a row after seven days (private.keep_up_clusters).';

CREATE TABLE public.context_readings (
    source text NOT NULL,
    symbol text NOT NULL,
    timeframe text NOT NULL,
    due_at timestamp with time zone NOT NULL,
    asked_at timestamp with time zone NOT NULL,
    answered_at timestamp with time zone,
    observed_at timestamp with time zone,
    data jsonb,
    failure text,
    CONSTRAINT context_readings_answered_whole CHECK (((observed_at IS NULL) = (answered_at IS NULL))),
    CONSTRAINT context_readings_data_bounded CHECK ((pg_column_size(data) <= 65536)),
    CONSTRAINT context_readings_data_observed CHECK (((data IS NULL) OR (observed_at IS NOT NULL))),
    CONSTRAINT context_readings_source_named CHECK ((source ~ '^[a-z][a-z0-9_]{0,39}$'::text))
);

COMMENT ON TABLE public.context_readings IS 'One row a question. An empty timeframe: the same for all of them; an empty symbol: the whole market, whose data are in market_snapshots. Rows nobody asks for a month go.';

COMMENT ON COLUMN public.context_readings.due_at IS 'Before this nobody asks again. Whoever asks moves it first, so that many workers ask once.';

COMMENT ON COLUMN public.context_readings.data IS 'The last good answer; a failure leaves it standing, and its age shows.';

CREATE TABLE public.events (
    xid xid8 DEFAULT pg_current_xact_id() NOT NULL,
    id bigint NOT NULL,
    type text NOT NULL,
    user_id uuid,
    symbol text,
    timeframe text,
    data jsonb DEFAULT '{}'::jsonb NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT events_type_known CHECK ((type = ANY (ARRAY['watcher'::text, 'candle'::text, 'signal'::text, 'win_rate'::text, 'job'::text])))
);

COMMENT ON TABLE public.events IS 'Hints to fetch again, not the data. Read in the order (xid, id) and only below pg_snapshot_xmin: what lies there is complete.';

COMMENT ON COLUMN public.events.user_id IS 'Whose row it tells of. Null: it concerns whoever watches symbol and timeframe; without a symbol, operators.';

ALTER TABLE public.events ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.events_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.indicators (
    symbol text NOT NULL,
    timeframe text NOT NULL,
    opened_at timestamp with time zone NOT NULL,
    source text NOT NULL,
    data jsonb NOT NULL,
    observed_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE public.ingest_state (
    symbol text NOT NULL,
    timeframe text NOT NULL,
    last_opened_at timestamp with time zone,
    next_due_at timestamp with time zone DEFAULT now() NOT NULL,
    requested_for timestamp with time zone,
    requested_at timestamp with time zone,
    failures integer DEFAULT 0 NOT NULL,
    last_error text,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT ingest_state_failures_counted CHECK ((failures >= 0))
);

COMMENT ON COLUMN public.ingest_state.requested_for IS 'The next_due_at that cron has sent a message for, so that one due time sends one message.';

CREATE TABLE public.instruments (
    symbol text NOT NULL,
    base text GENERATED ALWAYS AS (split_part(symbol, '/'::text, 1)) STORED NOT NULL,
    quote text GENERATED ALWAYS AS (split_part(symbol, '/'::text, 2)) STORED NOT NULL,
    active boolean DEFAULT true NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    refreshed_at timestamp with time zone,
    CONSTRAINT instruments_symbol_canonical CHECK ((symbol ~ '^[A-Z0-9]{2,12}/[A-Z0-9]{2,12}$'::text))
);

COMMENT ON COLUMN public.instruments.refreshed_at IS 'When an exchange was last seen to list it.';

CREATE TABLE public.signals (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    symbol text NOT NULL,
    timeframe text NOT NULL,
    opened_at timestamp with time zone NOT NULL,
    strategy_version text NOT NULL,
    origin text NOT NULL,
    direction text NOT NULL,
    score double precision NOT NULL,
    strength integer NOT NULL,
    confidence double precision,
    entry_price numeric NOT NULL,
    targets numeric[] DEFAULT '{}'::numeric[] NOT NULL,
    stop_price numeric,
    risk_reward double precision,
    expected_value double precision,
    verdict text NOT NULL,
    components jsonb DEFAULT '{}'::jsonb NOT NULL,
    reasons jsonb DEFAULT '[]'::jsonb NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    regime text,
    calibration jsonb DEFAULT '{}'::jsonb NOT NULL,
    source text,
    external_id text,
    request_sha256 bytea,
    CONSTRAINT signals_confidence_bounded CHECK (((confidence >= (0)::double precision) AND (confidence <= (1)::double precision))),
    CONSTRAINT signals_directed_have_levels CHECK (((direction = 'flat'::text) OR ((confidence IS NOT NULL) AND (stop_price IS NOT NULL) AND (cardinality(targets) > 0)))),
    CONSTRAINT signals_direction_known CHECK ((direction = ANY (ARRAY['long'::text, 'short'::text, 'flat'::text]))),
    CONSTRAINT signals_entry_positive CHECK ((entry_price > (0)::numeric)),
    CONSTRAINT signals_external_id_bounded CHECK (((length(external_id) >= 1) AND (length(external_id) <= 200))),
    CONSTRAINT signals_origin_known CHECK ((origin = ANY (ARRAY['live'::text, 'backfill'::text]))),
    CONSTRAINT signals_regime_known CHECK ((regime = ANY (ARRAY['trending'::text, 'ranging'::text, 'volatile'::text, 'quiet'::text]))),
    CONSTRAINT signals_relayed_are_marked CHECK ((((source IS NOT NULL) = (strategy_version ~~ 'relay:%'::text)) AND ((source IS NULL) = (external_id IS NULL)) AND ((source IS NULL) OR (strategy_version = ('relay:'::text || source))))),
    CONSTRAINT signals_score_bounded CHECK (((score >= ('-1'::integer)::double precision) AND (score <= (1)::double precision))),
    CONSTRAINT signals_source_named CHECK ((source ~ '^[a-z0-9][a-z0-9_.-]{0,39}$'::text)),
    CONSTRAINT signals_stop_positive CHECK ((stop_price > (0)::numeric)),
    CONSTRAINT signals_strength_bounded CHECK (((strength >= 1) AND (strength <= 100))),
    CONSTRAINT signals_verdict_known CHECK ((verdict = ANY (ARRAY['act'::text, 'watch'::text, 'no_edge'::text])))
);

COMMENT ON COLUMN public.signals.confidence IS 'Probability that the first target comes before the stop. Null where nothing is claimed: a flat signal.';

COMMENT ON COLUMN public.signals.expected_value IS 'Expected return of the trade after costs, as a fraction of the entry price.';

COMMENT ON COLUMN public.signals.calibration IS 'The curve behind the confidence: method, how many labels it learned from, its Brier score on later labels and that of the base rate.';

COMMENT ON COLUMN public.signals.source IS 'Who made the signal, when it was made elsewhere; null for our own.';

COMMENT ON COLUMN public.signals.external_id IS 'Its name at its source: the same one is never kept twice.';

COMMENT ON COLUMN public.signals.request_sha256 IS 'Tells a repeated request from another one under the same external_id.';

CREATE VIEW public.integrated_signals WITH (security_invoker='true') AS
 SELECT COALESCE(signals.source, 'zmarty'::text) AS source,
    signals.id AS signal_id,
    signals.symbol,
    signals.timeframe,
    signals.direction,
    signals.confidence,
    signals.strength,
    signals.verdict,
    signals.strategy_version,
    signals.opened_at,
    signals.expires_at,
    signals.created_at
   FROM public.signals;

COMMENT ON VIEW public.integrated_signals IS 'Signals of every source in one list: ours as zmarty, relayed ones by the name of their source.';

CREATE TABLE public.jobs (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    user_id uuid,
    kind text NOT NULL,
    state text DEFAULT 'queued'::text NOT NULL,
    progress numeric DEFAULT 0 NOT NULL,
    detail jsonb DEFAULT '{}'::jsonb NOT NULL,
    result jsonb,
    error text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    cancel_requested_at timestamp with time zone,
    ended_at timestamp with time zone,
    CONSTRAINT jobs_detail_bounded CHECK ((pg_column_size(detail) <= 16384)),
    CONSTRAINT jobs_ended_once CHECK (((state = ANY (ARRAY['done'::text, 'failed'::text, 'cancelled'::text])) = (ended_at IS NOT NULL))),
    CONSTRAINT jobs_kind_named CHECK ((kind ~ '^[a-z][a-z0-9_]{0,39}$'::text)),
    CONSTRAINT jobs_progress_bounded CHECK (((progress >= (0)::numeric) AND (progress <= (1)::numeric))),
    CONSTRAINT jobs_result_bounded CHECK ((pg_column_size(result) <= 65536)),
    CONSTRAINT jobs_state_known CHECK ((state = ANY (ARRAY['queued'::text, 'running'::text, 'done'::text, 'failed'::text, 'cancelled'::text])))
);

COMMENT ON COLUMN public.jobs.user_id IS 'Who waits for it; null for the system''s own jobs, which operators see.';

COMMENT ON COLUMN public.jobs.cancel_requested_at IS 'A queued job is cancelled at once; a running one reads this at its next progress call.';

CREATE TABLE public.liq_clusters (
    id bigint NOT NULL,
    symbol text NOT NULL,
    side text NOT NULL,
    price numeric NOT NULL,
    size text NOT NULL,
    notional numeric,
    source text NOT NULL,
    observed_at timestamp with time zone NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    confidence double precision,
    link text,
    CONSTRAINT liq_clusters_confidence_bounded CHECK (((confidence >= (0)::double precision) AND (confidence <= (1)::double precision))),
    CONSTRAINT liq_clusters_link_bounded CHECK ((length(link) <= 500)),
    CONSTRAINT liq_clusters_notional_counted CHECK ((notional >= (0)::numeric)),
    CONSTRAINT liq_clusters_price_positive CHECK ((price > (0)::numeric)),
    CONSTRAINT liq_clusters_side_known CHECK ((side = ANY (ARRAY['above'::text, 'below'::text]))),
    CONSTRAINT liq_clusters_size_known CHECK ((size = ANY (ARRAY['small'::text, 'medium'::text, 'large'::text, 'xlarge'::text])))
);

COMMENT ON TABLE public.liq_clusters IS 'Maps of clusters: the rows of one symbol, source and observed_at are one map. Kept for 90 days (private.keep_up_clusters).';

COMMENT ON COLUMN public.liq_clusters.source IS 'king_fisher (asked), pushed (posted as clusters), screenshot (posted as an image and read by a model), estimated.';

COMMENT ON COLUMN public.liq_clusters.confidence IS 'The source''s own, where it has one: a model''s for what it read, for an estimate the share of open interest it rests on.';

COMMENT ON COLUMN public.liq_clusters.link IS 'Where the map can be looked at, as its sender says.';

ALTER TABLE public.liq_clusters ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.liq_clusters_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.liquidation_monitor (
    symbol text NOT NULL,
    source text NOT NULL,
    observed_at timestamp with time zone NOT NULL,
    confidence double precision,
    link text,
    price numeric NOT NULL,
    price_at timestamp with time zone NOT NULL,
    nearest_above jsonb,
    nearest_below jsonb,
    hits jsonb DEFAULT '[]'::jsonb NOT NULL,
    cascade_risk double precision,
    cascade_band text,
    cascade_parts jsonb NOT NULL,
    pattern text,
    pattern_parts jsonb NOT NULL,
    distances jsonb NOT NULL,
    computed_at timestamp with time zone NOT NULL,
    CONSTRAINT liquidation_monitor_band_known CHECK ((cascade_band = ANY (ARRAY['high'::text, 'medium'::text, 'low'::text, 'none'::text]))),
    CONSTRAINT liquidation_monitor_pattern_known CHECK ((pattern = ANY (ARRAY['long_squeeze'::text, 'short_squeeze'::text, 'pull_up'::text, 'pull_down'::text, 'balanced'::text]))),
    CONSTRAINT liquidation_monitor_price_positive CHECK ((price > (0)::numeric)),
    CONSTRAINT liquidation_monitor_risk_bounded CHECK (((cascade_risk >= (0)::double precision) AND (cascade_risk <= (100)::double precision)))
);

COMMENT ON TABLE public.liquidation_monitor IS 'One row a symbol, rewritten with each map and each judged candle: as many rows as there are instruments. Not a history.';

COMMENT ON COLUMN public.liquidation_monitor.price_at IS 'When the candle closed that the price is from.';

COMMENT ON COLUMN public.liquidation_monitor.cascade_risk IS '0 to 100; null where no cluster of the map says how much it holds.';

CREATE VIEW public.market_data WITH (security_invoker='true') AS
 SELECT candles.opened_at AS "time",
    candles.symbol,
    candles.timeframe,
    candles.exchange,
    candles.open,
    candles.high,
    candles.low,
    candles.close,
    candles.volume,
    candles.volume_usd,
    candles.trades_count,
    candles.vwap
   FROM public.candles;

COMMENT ON VIEW public.market_data IS 'Candles under the name and columns of the customer''s hypertable.';

CREATE TABLE public.market_intelligence (
    symbol text NOT NULL,
    timeframe text NOT NULL,
    opened_at timestamp with time zone NOT NULL,
    close numeric NOT NULL,
    trend_direction text NOT NULL,
    trend_strength double precision NOT NULL,
    volatility double precision,
    volatility_close double precision,
    relative_volatility double precision,
    regime text,
    season text,
    levels jsonb DEFAULT '[]'::jsonb NOT NULL,
    indicators jsonb DEFAULT '{}'::jsonb NOT NULL,
    computed_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT market_intelligence_close_positive CHECK ((close > (0)::numeric)),
    CONSTRAINT market_intelligence_regime_known CHECK ((regime = ANY (ARRAY['trending'::text, 'ranging'::text, 'volatile'::text, 'quiet'::text]))),
    CONSTRAINT market_intelligence_season_known CHECK ((season = ANY (ARRAY['accumulation'::text, 'neutral'::text, 'distribution'::text]))),
    CONSTRAINT market_intelligence_strength_bounded CHECK (((trend_strength >= (0)::double precision) AND (trend_strength <= (100)::double precision))),
    CONSTRAINT market_intelligence_trend_known CHECK ((trend_direction = ANY (ARRAY['up'::text, 'down'::text, 'sideways'::text])))
);

COMMENT ON TABLE public.market_intelligence IS 'The analysis of each candle that was the newest when it was analysed.';

COMMENT ON COLUMN public.market_intelligence.volatility IS 'Yang–Zhang, annualised, 1 = 100 %; volatility_close is the same from closes alone.';

COMMENT ON COLUMN public.market_intelligence.relative_volatility IS 'Volatility over its own median of the last bars; 1 is as usual.';

COMMENT ON COLUMN public.market_intelligence.season IS 'From the risk metric of Bitcoin as known at the close; null where there is none.';

CREATE TABLE public.market_snapshots (
    source text NOT NULL,
    observed_at timestamp with time zone NOT NULL,
    vendor text NOT NULL,
    data jsonb NOT NULL,
    taken_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT market_snapshots_data_bounded CHECK ((pg_column_size(data) <= 524288)),
    CONSTRAINT market_snapshots_source_named CHECK ((source ~ '^[a-z][a-z0-9_]{0,39}$'::text))
);

COMMENT ON TABLE public.market_snapshots IS 'Market-wide answers by source: tables by pair or coin, and lists. Written by observe_market, kept for 14 days.';

COMMENT ON COLUMN public.market_snapshots.observed_at IS 'When it held: the vendor''s own time where it gives one, else when it answered.';

CREATE TABLE public.pattern_effectiveness (
    symbol text NOT NULL,
    timeframe text NOT NULL,
    kind text NOT NULL,
    direction text NOT NULL,
    origin text NOT NULL,
    horizon text NOT NULL,
    n integer NOT NULL,
    n_effective double precision NOT NULL,
    wins integer NOT NULL,
    losses integer NOT NULL,
    expired integer NOT NULL,
    rate double precision NOT NULL,
    low double precision NOT NULL,
    high double precision NOT NULL,
    baseline double precision,
    expectancy double precision NOT NULL,
    profit_factor double precision,
    since timestamp with time zone NOT NULL,
    computed_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT pattern_effectiveness_adds_up CHECK ((((wins + losses) + expired) = n)),
    CONSTRAINT pattern_effectiveness_direction_known CHECK ((direction = ANY (ARRAY['long'::text, 'short'::text, 'all'::text]))),
    CONSTRAINT pattern_effectiveness_interval_holds CHECK (((low <= rate) AND (rate <= high))),
    CONSTRAINT pattern_effectiveness_n_counted CHECK ((n > 0)),
    CONSTRAINT pattern_effectiveness_origin_known CHECK ((origin = ANY (ARRAY['live'::text, 'backfill'::text, 'all'::text])))
);

COMMENT ON TABLE public.pattern_effectiveness IS 'How often judged patterns of a kind reached their target before their invalidation; never a rate without its n.';

COMMENT ON COLUMN public.pattern_effectiveness.since IS 'When the first pattern that counts here was detected.';

CREATE TABLE public.patterns (
    id uuid NOT NULL,
    symbol text NOT NULL,
    timeframe text NOT NULL,
    kind text NOT NULL,
    direction text NOT NULL,
    origin text NOT NULL,
    confidence double precision NOT NULL,
    started_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone NOT NULL,
    detected_opened_at timestamp with time zone NOT NULL,
    price_levels jsonb NOT NULL,
    bars jsonb NOT NULL,
    fits jsonb DEFAULT '{}'::jsonb NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    over_at timestamp with time zone,
    barrier text,
    ambiguous boolean,
    return_net double precision,
    r_multiple double precision,
    mfe double precision,
    mae double precision,
    closed_at timestamp with time zone,
    baseline double precision,
    label_version text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT patterns_barrier_known CHECK ((barrier = ANY (ARRAY['target'::text, 'stop'::text, 'expiry'::text]))),
    CONSTRAINT patterns_baseline_bounded CHECK (((baseline >= (0)::double precision) AND (baseline <= (1)::double precision))),
    CONSTRAINT patterns_confidence_bounded CHECK (((confidence >= (0.6)::double precision) AND (confidence <= (1)::double precision))),
    CONSTRAINT patterns_direction_known CHECK ((direction = ANY (ARRAY['long'::text, 'short'::text]))),
    CONSTRAINT patterns_judged_whole CHECK ((((barrier IS NULL) = (return_net IS NULL)) AND ((barrier IS NULL) = (label_version IS NULL)))),
    CONSTRAINT patterns_kind_named CHECK ((kind ~ '^[a-z][a-z_]{2,39}$'::text)),
    CONSTRAINT patterns_origin_known CHECK ((origin = ANY (ARRAY['live'::text, 'backfill'::text]))),
    CONSTRAINT patterns_run_forward CHECK (((started_at <= ended_at) AND (ended_at <= detected_opened_at)))
);

COMMENT ON TABLE public.patterns IS 'Pair, kind and first bar name a pattern, and its id is made of them: found again on the next candle, it is the same row.';

COMMENT ON COLUMN public.patterns.over_at IS 'Opening time of the candle that reached the target or the invalidation.';

COMMENT ON COLUMN public.patterns.barrier IS 'Null until its horizon has passed; then which of target, invalidation and expiry came first.';

COMMENT ON COLUMN public.patterns.baseline IS 'How often the same trade, entered on other bars of the period, reached its target.';

CREATE TABLE public.recent_errors (
    id bigint NOT NULL,
    service text NOT NULL,
    code text NOT NULL,
    message text NOT NULL,
    request_id text,
    queue text,
    msg_id bigint,
    occurred_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE public.recent_errors ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.recent_errors_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.risk_anchors (
    symbol text NOT NULL,
    valid_from date NOT NULL,
    risk double precision NOT NULL,
    price numeric NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT risk_anchors_price_positive CHECK ((price > (0)::numeric)),
    CONSTRAINT risk_anchors_risk_bounded CHECK (((risk >= (0)::double precision) AND (risk <= (1)::double precision))),
    CONSTRAINT risk_anchors_symbol_canonical CHECK ((symbol ~ '^[A-Z0-9]{2,12}/[A-Z0-9]{2,12}$'::text))
);

COMMENT ON TABLE public.risk_anchors IS 'Operators'' data (zmarty risk import): the anchors of one symbol and day are one curve, which counts from that day until a later one. A few dozen rows a symbol and curve; kept.';

COMMENT ON COLUMN public.risk_anchors.valid_from IS 'The day from which the curve was known. Never earlier: a curve drawn afterwards fits its past too well.';

CREATE TABLE public.risk_metric (
    symbol text NOT NULL,
    observed_on date NOT NULL,
    source text NOT NULL,
    value double precision NOT NULL,
    band integer NOT NULL,
    rarity double precision NOT NULL,
    days integer NOT NULL,
    price numeric NOT NULL,
    known_at timestamp with time zone NOT NULL,
    CONSTRAINT risk_metric_band_bounded CHECK (((band >= 0) AND (band <= 9))),
    CONSTRAINT risk_metric_days_counted CHECK ((days > 0)),
    CONSTRAINT risk_metric_price_positive CHECK ((price > (0)::numeric)),
    CONSTRAINT risk_metric_rarity_bounded CHECK (((rarity >= (1)::double precision) AND (rarity <= (1.6)::double precision))),
    CONSTRAINT risk_metric_source_known CHECK ((source = ANY (ARRAY['anchors'::text, 'regression'::text, 'percentile'::text]))),
    CONSTRAINT risk_metric_value_bounded CHECK (((value >= (0)::double precision) AND (value <= (1)::double precision)))
);

COMMENT ON TABLE public.risk_metric IS 'One row a symbol and day, as it was known then; never changed afterwards. 365 rows a year and symbol; kept.';

COMMENT ON COLUMN public.risk_metric.source IS 'anchors (an operator''s curve), else regression (distance from the own log-price trend), else percentile of the history.';

COMMENT ON COLUMN public.risk_metric.days IS 'How many daily closes value and rarity rest on.';

COMMENT ON COLUMN public.risk_metric.known_at IS 'The close of the day: nothing later is in the row.';

CREATE TABLE public.service_keys (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    name text NOT NULL,
    key_sha256 bytea NOT NULL,
    scopes text[] NOT NULL,
    source text,
    created_by text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    last_used_at timestamp with time zone,
    revoked_at timestamp with time zone,
    CONSTRAINT service_keys_digest_whole CHECK ((length(key_sha256) = 32)),
    CONSTRAINT service_keys_name_bounded CHECK (((length(name) >= 1) AND (length(name) <= 80))),
    CONSTRAINT service_keys_scoped CHECK (((cardinality(scopes) >= 1) AND (cardinality(scopes) <= 20))),
    CONSTRAINT service_keys_source_named CHECK ((source ~ '^[a-z0-9][a-z0-9_.-]{0,39}$'::text))
);

COMMENT ON TABLE public.service_keys IS 'One row a key that an operator made. The key itself is shown once and kept nowhere; revoked ones stay, so that its past is known.';

COMMENT ON COLUMN public.service_keys.source IS 'The only source this key may send signals as; null: any.';

COMMENT ON COLUMN public.service_keys.last_used_at IS 'To the minute.';

CREATE TABLE public.signal_outcomes (
    signal_id uuid NOT NULL,
    horizon text NOT NULL,
    label_version text NOT NULL,
    barrier text NOT NULL,
    ambiguous boolean NOT NULL,
    return_net double precision NOT NULL,
    r_multiple double precision NOT NULL,
    mfe double precision NOT NULL,
    mae double precision NOT NULL,
    closed_at timestamp with time zone NOT NULL,
    judged_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT signal_outcomes_barrier_known CHECK ((barrier = ANY (ARRAY['target'::text, 'stop'::text, 'expiry'::text])))
);

COMMENT ON TABLE public.signal_outcomes IS 'Which barrier a signal met first within a horizon. Returns, mfe and mae are fractions of the entry price.';

CREATE TABLE public.simulation_trades (
    simulation_id uuid NOT NULL,
    number integer NOT NULL,
    direction text NOT NULL,
    kind text NOT NULL,
    confidence double precision,
    verdict text,
    opened_at timestamp with time zone NOT NULL,
    entered_at timestamp with time zone NOT NULL,
    entry_price double precision NOT NULL,
    paid_price double precision NOT NULL,
    stop_price double precision NOT NULL,
    target_price double precision NOT NULL,
    exited_at timestamp with time zone NOT NULL,
    exit_price double precision NOT NULL,
    reason text NOT NULL,
    ambiguous boolean NOT NULL,
    bars integer NOT NULL,
    units double precision NOT NULL,
    notional double precision NOT NULL,
    return_net double precision NOT NULL,
    r_multiple double precision NOT NULL,
    pnl double precision NOT NULL,
    mfe double precision NOT NULL,
    mae double precision NOT NULL,
    CONSTRAINT simulation_trades_direction_known CHECK ((direction = ANY (ARRAY['long'::text, 'short'::text]))),
    CONSTRAINT simulation_trades_numbered CHECK ((number >= 1)),
    CONSTRAINT simulation_trades_reason_known CHECK ((reason = ANY (ARRAY['target'::text, 'stop'::text, 'expiry'::text, 'open'::text])))
);

COMMENT ON TABLE public.simulation_trades IS 'Trades nobody made: what a replay would have bought and sold. Prices are results of a calculation, not money.';

CREATE TABLE public.simulations (
    id uuid NOT NULL,
    user_id uuid,
    kind text NOT NULL,
    symbol text NOT NULL,
    timeframe text NOT NULL,
    request jsonb NOT NULL,
    state text DEFAULT 'running'::text NOT NULL,
    summary jsonb,
    curve jsonb,
    trades_count integer,
    error text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    ended_at timestamp with time zone,
    CONSTRAINT simulations_curve_bounded CHECK (((jsonb_typeof(curve) = 'array'::text) AND (jsonb_array_length(curve) <= 400))),
    CONSTRAINT simulations_ended_once CHECK (((state <> 'running'::text) = (ended_at IS NOT NULL))),
    CONSTRAINT simulations_kind_known CHECK ((kind = ANY (ARRAY['analyze'::text, 'win_ratio'::text, 'validate_pattern'::text, 'assess_risk'::text, 'report'::text]))),
    CONSTRAINT simulations_request_bounded CHECK ((pg_column_size(request) <= 16384)),
    CONSTRAINT simulations_state_known CHECK ((state = ANY (ARRAY['running'::text, 'done'::text, 'failed'::text, 'cancelled'::text]))),
    CONSTRAINT simulations_summary_bounded CHECK ((pg_column_size(summary) <= 65536)),
    CONSTRAINT simulations_trades_counted CHECK ((trades_count >= 0))
);

COMMENT ON TABLE public.simulations IS 'A replay over history that a user asked for; its id is that of its job.';

COMMENT ON COLUMN public.simulations.trades_count IS 'All trades of the replay; simulation_trades keeps at most the newest 5000 of them.';

CREATE TABLE public.source_usage (
    vendor text NOT NULL,
    source text NOT NULL,
    month date NOT NULL,
    asked bigint DEFAULT 0 NOT NULL,
    answered bigint DEFAULT 0 NOT NULL,
    dropped bigint DEFAULT 0 NOT NULL,
    asked_at timestamp with time zone,
    answered_at timestamp with time zone,
    dropped_at timestamp with time zone,
    failure text
);

COMMENT ON TABLE public.source_usage IS 'What a vendor was asked by source in each month of UTC; some three hundred rows a year, kept.';

COMMENT ON COLUMN public.source_usage.dropped IS 'Requests left out to keep the month''s quota for more valuable sources.';

COMMENT ON COLUMN public.source_usage.failure IS 'Why the newest request failed; null when it was answered.';

CREATE VIEW public.source_standing WITH (security_invoker='true') AS
 SELECT newest.vendor,
    newest.source,
        CASE
            WHEN (newest.month = this.month) THEN newest.asked
            ELSE (0)::bigint
        END AS asked,
        CASE
            WHEN (newest.month = this.month) THEN newest.answered
            ELSE (0)::bigint
        END AS answered,
        CASE
            WHEN (newest.month = this.month) THEN newest.dropped
            ELSE (0)::bigint
        END AS dropped,
    newest.asked_at,
    newest.answered_at,
    newest.dropped_at,
    newest.failure
   FROM (( SELECT DISTINCT ON (u.vendor, u.source) u.vendor,
            u.source,
            u.month,
            u.asked,
            u.answered,
            u.dropped,
            u.failure,
            max(u.asked_at) OVER same AS asked_at,
            max(u.answered_at) OVER same AS answered_at,
            max(u.dropped_at) OVER same AS dropped_at
           FROM public.source_usage u
          WINDOW same AS (PARTITION BY u.vendor, u.source)
          ORDER BY u.vendor, u.source, u.month DESC) newest
     CROSS JOIN ( SELECT (date_trunc('month'::text, (statement_timestamp() AT TIME ZONE 'UTC'::text)))::date AS month) this);

COMMENT ON VIEW public.source_standing IS 'For operators: what each source was asked this month, was answered and had to leave out, and when it last answered.';

CREATE VIEW public.trading_signals WITH (security_invoker='true') AS
 SELECT signals.id,
    signals.symbol,
    signals.timeframe,
        CASE signals.direction
            WHEN 'long'::text THEN 'buy'::text
            WHEN 'short'::text THEN 'sell'::text
            ELSE 'hold'::text
        END AS signal_type,
    signals.strength,
    signals.confidence AS confidence_score,
    signals.entry_price,
    signals.targets[1] AS target_price,
    signals.stop_price AS stop_loss,
    signals.verdict,
    ( SELECT string_agg((said.reason ->> 'text'::text), ' '::text ORDER BY said.place) AS string_agg
           FROM jsonb_array_elements(signals.reasons) WITH ORDINALITY said(reason, place)) AS reasoning,
    jsonb_build_object('strategy_version', signals.strategy_version, 'origin', signals.origin, 'opened_at', signals.opened_at, 'score', signals.score, 'components', signals.components, 'targets', to_jsonb(signals.targets)) AS metadata,
    signals.expires_at,
    signals.created_at
   FROM public.signals;

COMMENT ON VIEW public.trading_signals IS 'Signals as the customer''s clients read them; signals holds everything.';

CREATE TABLE public.user_references (
    user_id uuid NOT NULL,
    email text,
    tier text NOT NULL,
    credits_balance integer NOT NULL,
    is_active boolean NOT NULL,
    version bigint NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    synced_at timestamp with time zone DEFAULT now() NOT NULL
);

COMMENT ON TABLE public.user_references IS 'The state of a user at most a minute old. Nothing is charged or allowed by it: for that, ask the chat database.';

COMMENT ON COLUMN public.user_references.version IS 'The outbox id of the newest snapshot applied. Only greater ones apply; a user who left is an inactive row.';

CREATE TABLE public.vendor_answers (
    vendor text NOT NULL,
    question text NOT NULL,
    body text,
    answered_at timestamp with time zone,
    fresh_until timestamp with time zone DEFAULT '-infinity'::timestamp with time zone NOT NULL,
    claimed_until timestamp with time zone DEFAULT '-infinity'::timestamp with time zone NOT NULL
);

COMMENT ON TABLE public.vendor_answers IS 'One row for each market-wide question of the code, so its number is bounded; the newest answer only. Not a history.';

COMMENT ON COLUMN public.vendor_answers.claimed_until IS 'While this lies ahead, one process is asking and the others wait for its answer.';

CREATE TABLE public.vendor_limits (
    vendor text NOT NULL,
    per_second numeric NOT NULL,
    burst numeric NOT NULL,
    monthly_quota bigint,
    warn_share numeric DEFAULT 0.8 NOT NULL,
    full_at timestamp with time zone DEFAULT '-infinity'::timestamp with time zone NOT NULL,
    paused_until timestamp with time zone,
    paused_because text,
    warned_on date,
    monthly_dollars numeric,
    CONSTRAINT vendor_limits_burst_at_least_one CHECK ((burst >= (1)::numeric)),
    CONSTRAINT vendor_limits_dollars_not_negative CHECK ((monthly_dollars >= (0)::numeric)),
    CONSTRAINT vendor_limits_per_second_positive CHECK ((per_second > (0)::numeric)),
    CONSTRAINT vendor_limits_quota_not_negative CHECK ((monthly_quota >= 0)),
    CONSTRAINT vendor_limits_warn_share_is_one CHECK (((warn_share > (0)::numeric) AND (warn_share <= (1)::numeric)))
)
WITH (fillfactor='50');

COMMENT ON TABLE public.vendor_limits IS 'One row a vendor; a vendor without one is counted but not limited. Operators change the first five columns, the others are the buckets themselves.';

COMMENT ON COLUMN public.vendor_limits.per_second IS 'Weight that flows back in a second. One request weighs 1 unless its client says more.';

COMMENT ON COLUMN public.vendor_limits.burst IS 'Weight that may be spent at once.';

COMMENT ON COLUMN public.vendor_limits.monthly_quota IS 'Requests in a calendar month of UTC; null when there is no quota.';

COMMENT ON COLUMN public.vendor_limits.full_at IS 'When the bucket is full if nobody takes more: what is missing from it now is (full_at - now) * per_second.';

COMMENT ON COLUMN public.vendor_limits.monthly_dollars IS 'What a calendar month of UTC may cost, where requests are paid one by one; null when they are not.';

CREATE TABLE public.vendor_usage (
    vendor text NOT NULL,
    month date NOT NULL,
    requests bigint DEFAULT 0 NOT NULL,
    weight numeric DEFAULT 0 NOT NULL,
    refused bigint DEFAULT 0 NOT NULL,
    limited bigint DEFAULT 0 NOT NULL,
    dollars numeric DEFAULT 0 NOT NULL
);

COMMENT ON TABLE public.vendor_usage IS 'What each vendor was asked in each month of UTC; twelve rows a year, kept.';

COMMENT ON COLUMN public.vendor_usage.refused IS 'Requests that our own limits kept back.';

COMMENT ON COLUMN public.vendor_usage.limited IS 'Requests that the vendor refused because we asked too often.';

COMMENT ON COLUMN public.vendor_usage.dollars IS 'Spent, and reserved for requests under way.';

CREATE VIEW public.vendor_standing WITH (security_invoker='true') AS
 SELECT l.vendor,
    l.per_second,
    l.burst,
    round((l.burst - (l.per_second * EXTRACT(epoch FROM (GREATEST(l.full_at, statement_timestamp()) - statement_timestamp())))), 3) AS tokens,
    l.monthly_quota,
    COALESCE(u.requests, (0)::bigint) AS requests,
    COALESCE(u.weight, (0)::numeric) AS weight,
    COALESCE(u.refused, (0)::bigint) AS refused,
    COALESCE(u.limited, (0)::bigint) AS limited,
    COALESCE((((u.requests)::numeric >= ((l.monthly_quota)::numeric * l.warn_share)) OR (u.dollars >= (l.monthly_dollars * l.warn_share))), false) AS is_low,
        CASE
            WHEN (l.paused_until > statement_timestamp()) THEN l.paused_until
            ELSE NULL::timestamp with time zone
        END AS paused_until,
        CASE
            WHEN (l.paused_until > statement_timestamp()) THEN l.paused_because
            ELSE NULL::text
        END AS paused_because,
    l.monthly_dollars,
    COALESCE(u.dollars, (0)::numeric) AS dollars
   FROM (public.vendor_limits l
     LEFT JOIN public.vendor_usage u ON (((u.vendor = l.vendor) AND (u.month = (date_trunc('month'::text, (statement_timestamp() AT TIME ZONE 'UTC'::text)))::date))));

COMMENT ON VIEW public.vendor_standing IS 'For operators: each vendor''s limits, its tokens (below zero: turns given out ahead), this month''s usage and its pause.';

CREATE TABLE public.watchers (
    user_id uuid NOT NULL,
    symbol text NOT NULL,
    timeframe text NOT NULL,
    strategy jsonb DEFAULT '{}'::jsonb NOT NULL,
    active boolean NOT NULL,
    version bigint NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT watchers_symbol_canonical CHECK ((symbol ~ '^[A-Z0-9]{2,12}/[A-Z0-9]{2,12}$'::text)),
    CONSTRAINT watchers_timeframe_known CHECK ((timeframe = ANY (ARRAY['1m'::text, '5m'::text, '15m'::text, '30m'::text, '1h'::text, '4h'::text, '1d'::text, '1w'::text])))
);

COMMENT ON COLUMN public.watchers.version IS 'The outbox id of the newest change applied. Only greater ones apply; an inactive row is a tombstone and keeps it.';

CREATE TABLE public.win_rate (
    symbol text NOT NULL,
    timeframe text NOT NULL,
    strategy_version text NOT NULL,
    direction text NOT NULL,
    horizon text NOT NULL,
    lookback_days integer NOT NULL,
    origin text NOT NULL,
    n integer NOT NULL,
    n_effective double precision NOT NULL,
    wins integer NOT NULL,
    losses integer NOT NULL,
    expired integer NOT NULL,
    rate double precision,
    low double precision,
    high double precision,
    baseline double precision,
    expectancy double precision,
    profit_factor double precision,
    computed_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT win_rate_adds_up CHECK ((((wins + losses) + expired) = n)),
    CONSTRAINT win_rate_direction_known CHECK ((direction = ANY (ARRAY['long'::text, 'short'::text, 'all'::text]))),
    CONSTRAINT win_rate_interval_holds CHECK (((rate IS NULL) OR ((low <= rate) AND (rate <= high)))),
    CONSTRAINT win_rate_lookback_positive CHECK ((lookback_days > 0)),
    CONSTRAINT win_rate_n_counted CHECK ((n >= 0)),
    CONSTRAINT win_rate_origin_known CHECK ((origin = ANY (ARRAY['live'::text, 'backfill'::text, 'all'::text])))
);

CREATE TABLE public.worker_heartbeats (
    worker_id text NOT NULL,
    started_at timestamp with time zone NOT NULL,
    beat_at timestamp with time zone NOT NULL,
    progressed_at timestamp with time zone NOT NULL,
    version text NOT NULL,
    metrics jsonb DEFAULT '{}'::jsonb NOT NULL
);

COMMENT ON COLUMN public.worker_heartbeats.progressed_at IS 'When the worker''s loops last went round. A fresh beat_at with an old progressed_at is a stalled worker.';

CREATE TABLE queueing.failures (
    queue text NOT NULL,
    msg_id bigint NOT NULL,
    code text NOT NULL,
    error text NOT NULL,
    first_failed_at timestamp with time zone DEFAULT now() NOT NULL,
    last_failed_at timestamp with time zone DEFAULT now() NOT NULL,
    due_at timestamp with time zone
);

COMMENT ON TABLE queueing.failures IS 'One row for each message that failed and will be tried again.';

COMMENT ON COLUMN queueing.failures.due_at IS 'When the next attempt is due; equals the message''s vt until it is leased again.';

CREATE TABLE queueing.pauses (
    queue text NOT NULL,
    paused_at timestamp with time zone DEFAULT now() NOT NULL,
    paused_by text NOT NULL
);

COMMENT ON TABLE queueing.pauses IS 'One row for each paused queue. The statement that leases messages looks here.';

CREATE TABLE queueing.retentions (
    queue text NOT NULL,
    kept interval DEFAULT '14 days'::interval NOT NULL,
    rows_max bigint DEFAULT 1000000 NOT NULL,
    CONSTRAINT retentions_kept_positive CHECK ((kept > '00:00:00'::interval)),
    CONSTRAINT retentions_rows_max_positive CHECK ((rows_max >= 0))
);

COMMENT ON TABLE queueing.retentions IS 'How long and how many messages the archive of a queue keeps, where the defaults do not fit; `<queue>_dead` may be named too.';

ALTER TABLE ONLY public.candles
    ADD CONSTRAINT candles_pkey PRIMARY KEY (symbol, timeframe, opened_at, exchange);

ALTER TABLE ONLY private.trimmed_events
    ADD CONSTRAINT trimmed_events_pkey PRIMARY KEY (is_only);

ALTER TABLE ONLY public.ai_analysis
    ADD CONSTRAINT ai_analysis_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.calibration
    ADD CONSTRAINT calibration_pkey PRIMARY KEY (symbol, timeframe, strategy_version, direction);

ALTER TABLE ONLY public.candle_absences
    ADD CONSTRAINT candle_absences_pkey PRIMARY KEY (symbol, timeframe, exchange, first_opened_at);

ALTER TABLE ONLY public.cluster_asks
    ADD CONSTRAINT cluster_asks_pkey PRIMARY KEY (symbol, source);

ALTER TABLE ONLY public.cluster_pushes
    ADD CONSTRAINT cluster_pushes_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.context_readings
    ADD CONSTRAINT context_readings_pkey PRIMARY KEY (source, symbol, timeframe);

ALTER TABLE ONLY public.events
    ADD CONSTRAINT events_pkey PRIMARY KEY (xid, id);

ALTER TABLE ONLY public.indicators
    ADD CONSTRAINT indicators_pkey PRIMARY KEY (symbol, timeframe, opened_at, source);

ALTER TABLE ONLY public.ingest_state
    ADD CONSTRAINT ingest_state_pkey PRIMARY KEY (symbol, timeframe);

ALTER TABLE ONLY public.instruments
    ADD CONSTRAINT instruments_pkey PRIMARY KEY (symbol);

ALTER TABLE ONLY public.jobs
    ADD CONSTRAINT jobs_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.liq_clusters
    ADD CONSTRAINT liq_clusters_observed_once UNIQUE (symbol, source, observed_at, side, price);

ALTER TABLE ONLY public.liq_clusters
    ADD CONSTRAINT liq_clusters_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.liquidation_monitor
    ADD CONSTRAINT liquidation_monitor_pkey PRIMARY KEY (symbol);

ALTER TABLE ONLY public.market_intelligence
    ADD CONSTRAINT market_intelligence_pkey PRIMARY KEY (symbol, timeframe, opened_at);

ALTER TABLE ONLY public.market_snapshots
    ADD CONSTRAINT market_snapshots_pkey PRIMARY KEY (source, observed_at);

ALTER TABLE ONLY public.pattern_effectiveness
    ADD CONSTRAINT pattern_effectiveness_pkey PRIMARY KEY (symbol, timeframe, kind, direction, origin);

ALTER TABLE ONLY public.patterns
    ADD CONSTRAINT patterns_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.patterns
    ADD CONSTRAINT patterns_told_once UNIQUE (symbol, timeframe, kind, started_at);

ALTER TABLE ONLY public.recent_errors
    ADD CONSTRAINT recent_errors_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.risk_anchors
    ADD CONSTRAINT risk_anchors_pkey PRIMARY KEY (symbol, valid_from, risk);

ALTER TABLE ONLY public.risk_anchors
    ADD CONSTRAINT risk_anchors_price_once UNIQUE (symbol, valid_from, price);

ALTER TABLE ONLY public.risk_metric
    ADD CONSTRAINT risk_metric_pkey PRIMARY KEY (symbol, observed_on, source);

ALTER TABLE ONLY public.service_keys
    ADD CONSTRAINT service_keys_key_sha256_key UNIQUE (key_sha256);

ALTER TABLE ONLY public.service_keys
    ADD CONSTRAINT service_keys_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.signal_outcomes
    ADD CONSTRAINT signal_outcomes_pkey PRIMARY KEY (signal_id, horizon, label_version);

ALTER TABLE ONLY public.signals
    ADD CONSTRAINT signals_once_per_candle UNIQUE (symbol, timeframe, opened_at, strategy_version);

ALTER TABLE ONLY public.signals
    ADD CONSTRAINT signals_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.simulation_trades
    ADD CONSTRAINT simulation_trades_pkey PRIMARY KEY (simulation_id, number);

ALTER TABLE ONLY public.simulations
    ADD CONSTRAINT simulations_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.source_usage
    ADD CONSTRAINT source_usage_pkey PRIMARY KEY (vendor, source, month);

ALTER TABLE ONLY public.user_references
    ADD CONSTRAINT user_references_pkey PRIMARY KEY (user_id);

ALTER TABLE ONLY public.vendor_answers
    ADD CONSTRAINT vendor_answers_pkey PRIMARY KEY (vendor, question);

ALTER TABLE ONLY public.vendor_limits
    ADD CONSTRAINT vendor_limits_pkey PRIMARY KEY (vendor);

ALTER TABLE ONLY public.vendor_usage
    ADD CONSTRAINT vendor_usage_pkey PRIMARY KEY (vendor, month);

ALTER TABLE ONLY public.watchers
    ADD CONSTRAINT watchers_pkey PRIMARY KEY (user_id, symbol, timeframe);

ALTER TABLE ONLY public.win_rate
    ADD CONSTRAINT win_rate_pkey PRIMARY KEY (symbol, timeframe, strategy_version, direction, horizon, lookback_days, origin);

ALTER TABLE ONLY public.worker_heartbeats
    ADD CONSTRAINT worker_heartbeats_pkey PRIMARY KEY (worker_id);

ALTER TABLE ONLY queueing.failures
    ADD CONSTRAINT failures_pkey PRIMARY KEY (queue, msg_id);

ALTER TABLE ONLY queueing.pauses
    ADD CONSTRAINT pauses_pkey PRIMARY KEY (queue);

ALTER TABLE ONLY queueing.retentions
    ADD CONSTRAINT retentions_pkey PRIMARY KEY (queue);

CREATE INDEX ai_analysis_age ON public.ai_analysis USING btree (created_at);

CREATE INDEX ai_analysis_of_user ON public.ai_analysis USING btree (user_id, created_at DESC, id DESC);

CREATE INDEX candle_absences_seen ON public.candle_absences USING btree (seen_at);

CREATE INDEX cluster_pushes_age ON public.cluster_pushes USING btree (received_at);

CREATE INDEX cluster_pushes_waiting ON public.cluster_pushes USING btree (received_at) WHERE (state = 'waiting'::text);

CREATE INDEX context_readings_of_symbol ON public.context_readings USING btree (symbol, timeframe);

CREATE INDEX indicators_newest ON public.indicators USING btree (symbol, timeframe, source, opened_at DESC);

CREATE INDEX ingest_state_due ON public.ingest_state USING btree (next_due_at);

CREATE INDEX jobs_ended ON public.jobs USING btree (ended_at) WHERE (ended_at IS NOT NULL);

CREATE INDEX jobs_of_user ON public.jobs USING btree (user_id, created_at DESC, id DESC);

CREATE INDEX jobs_open ON public.jobs USING btree (updated_at) WHERE (ended_at IS NULL);

CREATE INDEX jobs_open_of_user ON public.jobs USING btree (user_id) WHERE (ended_at IS NULL);

CREATE INDEX liq_clusters_age ON public.liq_clusters USING btree (observed_at);

CREATE INDEX liq_clusters_by_time ON public.liq_clusters USING btree (symbol, observed_at DESC, id DESC);

CREATE INDEX liq_clusters_of_source ON public.liq_clusters USING btree (symbol, source, observed_at DESC);

CREATE INDEX market_intelligence_computed ON public.market_intelligence USING btree (computed_at);

CREATE INDEX market_snapshots_oldest ON public.market_snapshots USING btree (observed_at);

CREATE INDEX patterns_active ON public.patterns USING btree (symbol, expires_at DESC);

CREATE INDEX patterns_detected ON public.patterns USING btree (detected_opened_at);

CREATE INDEX patterns_unjudged ON public.patterns USING btree (symbol, timeframe, detected_opened_at) WHERE (barrier IS NULL);

CREATE INDEX recent_errors_newest ON public.recent_errors USING btree (occurred_at DESC);

CREATE INDEX signals_newest ON public.signals USING btree (symbol, timeframe, opened_at DESC);

CREATE UNIQUE INDEX signals_relayed_once ON public.signals USING btree (source, external_id) WHERE (source IS NOT NULL);

CREATE INDEX simulations_ended ON public.simulations USING btree (ended_at) WHERE (ended_at IS NOT NULL);

CREATE INDEX simulations_of_user ON public.simulations USING btree (user_id, created_at DESC, id DESC);

CREATE INDEX simulations_running ON public.simulations USING btree (updated_at) WHERE (ended_at IS NULL);

CREATE INDEX watchers_active_pairs ON public.watchers USING btree (symbol, timeframe) WHERE active;

CREATE TRIGGER tell_inserted AFTER INSERT ON public.candles REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION private.tell_candles();

CREATE TRIGGER tell_inserted AFTER INSERT ON public.jobs REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION private.tell_new_jobs();

CREATE TRIGGER tell_inserted AFTER INSERT ON public.signals REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION private.tell_signals();

CREATE TRIGGER tell_inserted AFTER INSERT ON public.watchers REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION private.tell_watchers();

CREATE TRIGGER tell_inserted AFTER INSERT ON public.win_rate REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION private.tell_win_rates();

CREATE TRIGGER tell_updated AFTER UPDATE ON public.candles REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION private.tell_candles();

CREATE TRIGGER tell_updated AFTER UPDATE ON public.jobs REFERENCING OLD TABLE AS before NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION private.tell_jobs();

CREATE TRIGGER tell_updated AFTER UPDATE ON public.watchers REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION private.tell_watchers();

CREATE TRIGGER tell_updated AFTER UPDATE ON public.win_rate REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION private.tell_win_rates();

ALTER TABLE ONLY public.signal_outcomes
    ADD CONSTRAINT signal_outcomes_signal_id_fkey FOREIGN KEY (signal_id) REFERENCES public.signals(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.simulation_trades
    ADD CONSTRAINT simulation_trades_simulation_id_fkey FOREIGN KEY (simulation_id) REFERENCES public.simulations(id) ON DELETE CASCADE;

CREATE POLICY api_reads ON private.trimmed_events FOR SELECT TO zmarty_api USING (true);

ALTER TABLE private.trimmed_events ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.ai_analysis ENABLE ROW LEVEL SECURITY;

CREATE POLICY api_keeps ON public.ai_analysis TO zmarty_api USING (true) WITH CHECK (true);

CREATE POLICY api_keeps ON public.cluster_pushes TO zmarty_api USING (true) WITH CHECK (true);

CREATE POLICY api_keeps ON public.jobs TO zmarty_api USING (true) WITH CHECK (true);

CREATE POLICY api_keeps ON public.recent_errors TO zmarty_api USING (true) WITH CHECK (true);

CREATE POLICY api_reads ON public.calibration FOR SELECT TO zmarty_api USING (true);

CREATE POLICY api_reads ON public.candle_absences FOR SELECT TO zmarty_api USING (true);

CREATE POLICY api_reads ON public.candles FOR SELECT TO zmarty_api USING (true);

CREATE POLICY api_reads ON public.context_readings FOR SELECT TO zmarty_api USING (true);

CREATE POLICY api_reads ON public.events FOR SELECT TO zmarty_api USING (true);

CREATE POLICY api_reads ON public.indicators FOR SELECT TO zmarty_api USING (true);

CREATE POLICY api_reads ON public.ingest_state FOR SELECT TO zmarty_api USING (true);

CREATE POLICY api_reads ON public.instruments FOR SELECT TO zmarty_api USING (true);

CREATE POLICY api_reads ON public.liq_clusters FOR SELECT TO zmarty_api USING (true);

CREATE POLICY api_reads ON public.liquidation_monitor FOR SELECT TO zmarty_api USING (true);

CREATE POLICY api_reads ON public.market_intelligence FOR SELECT TO zmarty_api USING (true);

CREATE POLICY api_reads ON public.market_snapshots FOR SELECT TO zmarty_api USING (true);

CREATE POLICY api_reads ON public.pattern_effectiveness FOR SELECT TO zmarty_api USING (true);

CREATE POLICY api_reads ON public.patterns FOR SELECT TO zmarty_api USING (true);

CREATE POLICY api_reads ON public.risk_metric FOR SELECT TO zmarty_api USING (true);

CREATE POLICY api_reads ON public.signal_outcomes FOR SELECT TO zmarty_api USING (true);

CREATE POLICY api_reads ON public.signals FOR SELECT TO zmarty_api USING (true);

CREATE POLICY api_reads ON public.simulation_trades FOR SELECT TO zmarty_api USING (true);

CREATE POLICY api_reads ON public.simulations FOR SELECT TO zmarty_api USING (true);

CREATE POLICY api_reads ON public.source_usage FOR SELECT TO zmarty_api USING (true);

CREATE POLICY api_reads ON public.vendor_limits FOR SELECT TO zmarty_api USING (true);

CREATE POLICY api_reads ON public.vendor_usage FOR SELECT TO zmarty_api USING (true);

CREATE POLICY api_reads ON public.watchers FOR SELECT TO zmarty_api USING (true);

CREATE POLICY api_reads ON public.win_rate FOR SELECT TO zmarty_api USING (true);

CREATE POLICY api_reads ON public.worker_heartbeats FOR SELECT TO zmarty_api USING (true);

CREATE POLICY api_relays ON public.signals FOR INSERT TO zmarty_api WITH CHECK ((source IS NOT NULL));

CREATE POLICY api_verifies ON public.service_keys TO zmarty_api USING (true) WITH CHECK (true);

ALTER TABLE public.calibration ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.candle_absences ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.candles ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.cluster_asks ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.cluster_pushes ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.context_readings ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.events ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.indicators ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.ingest_state ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.instruments ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.jobs ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.liq_clusters ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.liquidation_monitor ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.market_intelligence ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.market_snapshots ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.pattern_effectiveness ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.patterns ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.recent_errors ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.risk_anchors ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.risk_metric ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.service_keys ENABLE ROW LEVEL SECURITY;

CREATE POLICY services_read ON public.user_references FOR SELECT TO zmarty_api, zmarty_worker USING (true);

ALTER TABLE public.signal_outcomes ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.signals ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.simulation_trades ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.simulations ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.source_usage ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.user_references ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.vendor_answers ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.vendor_limits ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.vendor_usage ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.watchers ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.win_rate ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.worker_heartbeats ENABLE ROW LEVEL SECURITY;

CREATE POLICY worker_keeps ON public.calibration TO zmarty_worker USING (true) WITH CHECK (true);

CREATE POLICY worker_keeps ON public.candle_absences TO zmarty_worker USING (true) WITH CHECK (true);

CREATE POLICY worker_keeps ON public.candles TO zmarty_worker USING (true) WITH CHECK (true);

CREATE POLICY worker_keeps ON public.cluster_asks TO zmarty_worker USING (true) WITH CHECK (true);

CREATE POLICY worker_keeps ON public.cluster_pushes TO zmarty_worker USING (true) WITH CHECK (true);

CREATE POLICY worker_keeps ON public.context_readings TO zmarty_worker USING (true) WITH CHECK (true);

CREATE POLICY worker_keeps ON public.indicators TO zmarty_worker USING (true) WITH CHECK (true);

CREATE POLICY worker_keeps ON public.ingest_state TO zmarty_worker USING (true) WITH CHECK (true);

CREATE POLICY worker_keeps ON public.instruments TO zmarty_worker USING (true) WITH CHECK (true);

CREATE POLICY worker_keeps ON public.jobs TO zmarty_worker USING (true) WITH CHECK (true);

CREATE POLICY worker_keeps ON public.liq_clusters TO zmarty_worker USING (true) WITH CHECK (true);

CREATE POLICY worker_keeps ON public.liquidation_monitor TO zmarty_worker USING (true) WITH CHECK (true);

CREATE POLICY worker_keeps ON public.market_intelligence TO zmarty_worker USING (true) WITH CHECK (true);

CREATE POLICY worker_keeps ON public.market_snapshots TO zmarty_worker USING (true) WITH CHECK (true);

CREATE POLICY worker_keeps ON public.pattern_effectiveness TO zmarty_worker USING (true) WITH CHECK (true);

CREATE POLICY worker_keeps ON public.patterns TO zmarty_worker USING (true) WITH CHECK (true);

CREATE POLICY worker_keeps ON public.recent_errors TO zmarty_worker USING (true) WITH CHECK (true);

CREATE POLICY worker_keeps ON public.risk_metric TO zmarty_worker USING (true) WITH CHECK (true);

CREATE POLICY worker_keeps ON public.signal_outcomes TO zmarty_worker USING (true) WITH CHECK (true);

CREATE POLICY worker_keeps ON public.signals TO zmarty_worker USING (true) WITH CHECK (true);

CREATE POLICY worker_keeps ON public.simulation_trades TO zmarty_worker USING (true) WITH CHECK (true);

CREATE POLICY worker_keeps ON public.simulations TO zmarty_worker USING (true) WITH CHECK (true);

CREATE POLICY worker_keeps ON public.source_usage TO zmarty_worker USING (true) WITH CHECK (true);

CREATE POLICY worker_keeps ON public.vendor_answers TO zmarty_worker USING (true) WITH CHECK (true);

CREATE POLICY worker_keeps ON public.vendor_limits TO zmarty_worker USING (true) WITH CHECK (true);

CREATE POLICY worker_keeps ON public.vendor_usage TO zmarty_worker USING (true) WITH CHECK (true);

CREATE POLICY worker_keeps ON public.win_rate TO zmarty_worker USING (true) WITH CHECK (true);

CREATE POLICY worker_keeps ON public.worker_heartbeats TO zmarty_worker USING (true) WITH CHECK (true);

CREATE POLICY worker_reads ON public.risk_anchors FOR SELECT TO zmarty_worker USING (true);

CREATE POLICY worker_reads ON public.watchers FOR SELECT TO zmarty_worker USING (true);

CREATE POLICY api_keeps ON queueing.pauses TO zmarty_api USING (true) WITH CHECK (true);

ALTER TABLE queueing.failures ENABLE ROW LEVEL SECURITY;

ALTER TABLE queueing.pauses ENABLE ROW LEVEL SECURITY;

ALTER TABLE queueing.retentions ENABLE ROW LEVEL SECURITY;

CREATE POLICY services_keep ON queueing.failures TO zmarty_api, zmarty_worker USING (true) WITH CHECK (true);

CREATE POLICY worker_reads ON queueing.pauses FOR SELECT TO zmarty_worker USING (true);

GRANT USAGE ON SCHEMA partitions TO zmarty_worker;

GRANT USAGE ON SCHEMA private TO zmarty_worker;
GRANT USAGE ON SCHEMA private TO zmarty_api;

GRANT USAGE ON SCHEMA public TO anon;
GRANT USAGE ON SCHEMA public TO authenticated;
GRANT USAGE ON SCHEMA public TO service_role;
GRANT CREATE ON SCHEMA public TO postgres;
GRANT USAGE ON SCHEMA public TO zmarty_api;
GRANT USAGE ON SCHEMA public TO zmarty_worker;

GRANT USAGE ON SCHEMA queueing TO zmarty_api;
GRANT USAGE ON SCHEMA queueing TO zmarty_worker;

REVOKE ALL ON FUNCTION partitions.ensure_candle_partitions(first_at timestamp with time zone, last_at timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION partitions.ensure_candle_partitions(first_at timestamp with time zone, last_at timestamp with time zone) TO zmarty_worker;

REVOKE ALL ON FUNCTION private.admit_request(vendor_name text, request_weight numeric, wait_max_seconds double precision) FROM PUBLIC;
GRANT ALL ON FUNCTION private.admit_request(vendor_name text, request_weight numeric, wait_max_seconds double precision) TO zmarty_worker;

REVOKE ALL ON FUNCTION private.forget_absences() FROM PUBLIC;

REVOKE ALL ON FUNCTION private.forget_analyses(p_rows_max integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION private.keep_up() FROM PUBLIC;

REVOKE ALL ON FUNCTION private.keep_up_clusters() FROM PUBLIC;

REVOKE ALL ON FUNCTION private.keep_up_context() FROM PUBLIC;

REVOKE ALL ON FUNCTION private.keep_up_intelligence() FROM PUBLIC;

REVOKE ALL ON FUNCTION private.keep_up_jobs() FROM PUBLIC;

REVOKE ALL ON FUNCTION private.keep_up_signals(rows_kept integer, kept interval, rows_max integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION private.keep_up_simulations() FROM PUBLIC;

REVOKE ALL ON FUNCTION private.recent_cron_runs(limit_runs integer) FROM PUBLIC;
GRANT ALL ON FUNCTION private.recent_cron_runs(limit_runs integer) TO zmarty_api;
GRANT ALL ON FUNCTION private.recent_cron_runs(limit_runs integer) TO zmarty_worker;

REVOKE ALL ON FUNCTION private.refuse_clash(names text[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION private.tell_candles() FROM PUBLIC;

REVOKE ALL ON FUNCTION private.tell_jobs() FROM PUBLIC;

REVOKE ALL ON FUNCTION private.tell_new_jobs() FROM PUBLIC;

REVOKE ALL ON FUNCTION private.tell_signals() FROM PUBLIC;

REVOKE ALL ON FUNCTION private.tell_watchers() FROM PUBLIC;

REVOKE ALL ON FUNCTION private.tell_win_rates() FROM PUBLIC;

REVOKE ALL ON FUNCTION private.trim_events() FROM PUBLIC;

REVOKE ALL ON FUNCTION queueing.archive_cutoff(queue_name text) FROM PUBLIC;

REVOKE ALL ON FUNCTION queueing.create_queue(queue_name text) FROM PUBLIC;

REVOKE ALL ON FUNCTION queueing.dead_letters(queue text, before_buried timestamp with time zone, before_queue text, before_id bigint, quantity integer) FROM PUBLIC;
GRANT ALL ON FUNCTION queueing.dead_letters(queue text, before_buried timestamp with time zone, before_queue text, before_id bigint, quantity integer) TO zmarty_api;

REVOKE ALL ON FUNCTION queueing.discard_dead(queue text, msg_ids bigint[]) FROM PUBLIC;
GRANT ALL ON FUNCTION queueing.discard_dead(queue text, msg_ids bigint[]) TO zmarty_api;

REVOKE ALL ON FUNCTION queueing.enqueue_backfills() FROM PUBLIC;

REVOKE ALL ON FUNCTION queueing.enqueue_due_ingests() FROM PUBLIC;

REVOKE ALL ON FUNCTION queueing.enqueue_for_symbols(queue_name text) FROM PUBLIC;

REVOKE ALL ON FUNCTION queueing.enqueue_observe_market() FROM PUBLIC;

REVOKE ALL ON FUNCTION queueing.enqueue_reconcile() FROM PUBLIC;

REVOKE ALL ON FUNCTION queueing.enqueue_refresh() FROM PUBLIC;

REVOKE ALL ON FUNCTION queueing.enqueue_win_rates() FROM PUBLIC;

REVOKE ALL ON FUNCTION queueing.horizon() FROM PUBLIC;
GRANT ALL ON FUNCTION queueing.horizon() TO zmarty_api;
GRANT ALL ON FUNCTION queueing.horizon() TO zmarty_worker;

REVOKE ALL ON PROCEDURE queueing.keep_up() FROM PUBLIC;

REVOKE ALL ON FUNCTION queueing.names() FROM PUBLIC;
GRANT ALL ON FUNCTION queueing.names() TO zmarty_api;
GRANT ALL ON FUNCTION queueing.names() TO zmarty_worker;

REVOKE ALL ON FUNCTION queueing.notify_sent() FROM PUBLIC;

REVOKE ALL ON FUNCTION queueing.pause(queue text, actor text) FROM PUBLIC;
GRANT ALL ON FUNCTION queueing.pause(queue text, actor text) TO zmarty_api;

REVOKE ALL ON FUNCTION queueing.peek(queue text, after_due timestamp with time zone, after_id bigint, quantity integer) FROM PUBLIC;
GRANT ALL ON FUNCTION queueing.peek(queue text, after_due timestamp with time zone, after_id bigint, quantity integer) TO zmarty_api;

REVOKE ALL ON FUNCTION queueing.purge(queue text, quantity integer) FROM PUBLIC;
GRANT ALL ON FUNCTION queueing.purge(queue text, quantity integer) TO zmarty_api;

REVOKE ALL ON FUNCTION queueing.repair_queue(queue_name text) FROM PUBLIC;

REVOKE ALL ON FUNCTION queueing.repair_queues() FROM PUBLIC;
GRANT ALL ON FUNCTION queueing.repair_queues() TO zmarty_worker;
GRANT ALL ON FUNCTION queueing.repair_queues() TO zmarty_api;

REVOKE ALL ON FUNCTION queueing.require_few(msg_ids bigint[]) FROM PUBLIC;
GRANT ALL ON FUNCTION queueing.require_few(msg_ids bigint[]) TO zmarty_api;

REVOKE ALL ON FUNCTION queueing.require_queue(queue text) FROM PUBLIC;
GRANT ALL ON FUNCTION queueing.require_queue(queue text) TO zmarty_api;

REVOKE ALL ON FUNCTION queueing.resume(queue text) FROM PUBLIC;
GRANT ALL ON FUNCTION queueing.resume(queue text) TO zmarty_api;

REVOKE ALL ON FUNCTION queueing.retry_dead(queue text, msg_ids bigint[]) FROM PUBLIC;
GRANT ALL ON FUNCTION queueing.retry_dead(queue text, msg_ids bigint[]) TO zmarty_api;

REVOKE ALL ON FUNCTION queueing.send_once(queue_name text, message jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION queueing.send_once(queue_name text, message jsonb) TO zmarty_api;
GRANT ALL ON FUNCTION queueing.send_once(queue_name text, message jsonb) TO zmarty_worker;

REVOKE ALL ON FUNCTION queueing.stats() FROM PUBLIC;
GRANT ALL ON FUNCTION queueing.stats() TO zmarty_api;
GRANT ALL ON FUNCTION queueing.stats() TO zmarty_worker;

GRANT ALL ON TABLE public.candles TO service_role;
GRANT SELECT ON TABLE public.candles TO zmarty_api;
GRANT SELECT,INSERT,UPDATE ON TABLE public.candles TO zmarty_worker;

GRANT SELECT ON TABLE private.trimmed_events TO zmarty_api;

GRANT ALL ON TABLE public.ai_analysis TO service_role;
GRANT SELECT,INSERT ON TABLE public.ai_analysis TO zmarty_api;

GRANT ALL ON TABLE public.calibration TO service_role;
GRANT SELECT ON TABLE public.calibration TO zmarty_api;
GRANT SELECT,INSERT,UPDATE ON TABLE public.calibration TO zmarty_worker;

GRANT ALL ON TABLE public.candle_absences TO service_role;
GRANT SELECT ON TABLE public.candle_absences TO zmarty_api;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.candle_absences TO zmarty_worker;

GRANT ALL ON TABLE public.cluster_asks TO service_role;
GRANT SELECT,INSERT,UPDATE ON TABLE public.cluster_asks TO zmarty_worker;

GRANT ALL ON TABLE public.cluster_pushes TO service_role;
GRANT SELECT,INSERT ON TABLE public.cluster_pushes TO zmarty_api;
GRANT SELECT ON TABLE public.cluster_pushes TO zmarty_worker;

GRANT UPDATE(image) ON TABLE public.cluster_pushes TO zmarty_worker;

GRANT UPDATE(state) ON TABLE public.cluster_pushes TO zmarty_worker;

GRANT UPDATE(refusal) ON TABLE public.cluster_pushes TO zmarty_worker;

GRANT UPDATE(ended_at) ON TABLE public.cluster_pushes TO zmarty_worker;

GRANT ALL ON TABLE public.context_readings TO service_role;
GRANT SELECT ON TABLE public.context_readings TO zmarty_api;
GRANT SELECT,INSERT,UPDATE ON TABLE public.context_readings TO zmarty_worker;

GRANT ALL ON TABLE public.events TO service_role;
GRANT SELECT ON TABLE public.events TO zmarty_api;

GRANT ALL ON SEQUENCE public.events_id_seq TO service_role;

GRANT ALL ON TABLE public.indicators TO service_role;
GRANT SELECT ON TABLE public.indicators TO zmarty_api;
GRANT SELECT,INSERT,UPDATE ON TABLE public.indicators TO zmarty_worker;

GRANT ALL ON TABLE public.ingest_state TO service_role;
GRANT SELECT ON TABLE public.ingest_state TO zmarty_api;
GRANT SELECT,INSERT,UPDATE ON TABLE public.ingest_state TO zmarty_worker;

GRANT ALL ON TABLE public.instruments TO service_role;
GRANT SELECT ON TABLE public.instruments TO zmarty_api;
GRANT SELECT,INSERT,UPDATE ON TABLE public.instruments TO zmarty_worker;

GRANT ALL ON TABLE public.signals TO service_role;
GRANT SELECT,INSERT ON TABLE public.signals TO zmarty_api;
GRANT SELECT,INSERT ON TABLE public.signals TO zmarty_worker;

GRANT ALL ON TABLE public.integrated_signals TO service_role;
GRANT SELECT ON TABLE public.integrated_signals TO zmarty_api;
GRANT SELECT ON TABLE public.integrated_signals TO zmarty_worker;

GRANT ALL ON TABLE public.jobs TO service_role;
GRANT SELECT,INSERT,UPDATE ON TABLE public.jobs TO zmarty_api;
GRANT SELECT,INSERT,UPDATE ON TABLE public.jobs TO zmarty_worker;

GRANT ALL ON TABLE public.liq_clusters TO service_role;
GRANT SELECT ON TABLE public.liq_clusters TO zmarty_api;
GRANT SELECT,INSERT ON TABLE public.liq_clusters TO zmarty_worker;

GRANT ALL ON SEQUENCE public.liq_clusters_id_seq TO service_role;

GRANT ALL ON TABLE public.liquidation_monitor TO service_role;
GRANT SELECT ON TABLE public.liquidation_monitor TO zmarty_api;
GRANT SELECT,INSERT,UPDATE ON TABLE public.liquidation_monitor TO zmarty_worker;

GRANT ALL ON TABLE public.market_data TO service_role;
GRANT SELECT ON TABLE public.market_data TO zmarty_api;
GRANT SELECT ON TABLE public.market_data TO zmarty_worker;

GRANT ALL ON TABLE public.market_intelligence TO service_role;
GRANT SELECT ON TABLE public.market_intelligence TO zmarty_api;
GRANT SELECT,INSERT,UPDATE ON TABLE public.market_intelligence TO zmarty_worker;

GRANT ALL ON TABLE public.market_snapshots TO service_role;
GRANT SELECT ON TABLE public.market_snapshots TO zmarty_api;
GRANT SELECT,INSERT ON TABLE public.market_snapshots TO zmarty_worker;

GRANT ALL ON TABLE public.pattern_effectiveness TO service_role;
GRANT SELECT ON TABLE public.pattern_effectiveness TO zmarty_api;
GRANT SELECT,INSERT,UPDATE ON TABLE public.pattern_effectiveness TO zmarty_worker;

GRANT ALL ON TABLE public.patterns TO service_role;
GRANT SELECT ON TABLE public.patterns TO zmarty_api;
GRANT SELECT,INSERT,UPDATE ON TABLE public.patterns TO zmarty_worker;

GRANT ALL ON TABLE public.recent_errors TO service_role;
GRANT SELECT,INSERT,DELETE ON TABLE public.recent_errors TO zmarty_api;
GRANT SELECT,INSERT,DELETE ON TABLE public.recent_errors TO zmarty_worker;

GRANT ALL ON SEQUENCE public.recent_errors_id_seq TO service_role;

GRANT ALL ON TABLE public.risk_anchors TO service_role;
GRANT SELECT ON TABLE public.risk_anchors TO zmarty_worker;

GRANT ALL ON TABLE public.risk_metric TO service_role;
GRANT SELECT ON TABLE public.risk_metric TO zmarty_api;
GRANT SELECT,INSERT ON TABLE public.risk_metric TO zmarty_worker;

GRANT ALL ON TABLE public.service_keys TO service_role;
GRANT SELECT ON TABLE public.service_keys TO zmarty_api;

GRANT UPDATE(last_used_at) ON TABLE public.service_keys TO zmarty_api;

GRANT ALL ON TABLE public.signal_outcomes TO service_role;
GRANT SELECT ON TABLE public.signal_outcomes TO zmarty_api;
GRANT SELECT,INSERT ON TABLE public.signal_outcomes TO zmarty_worker;

GRANT ALL ON TABLE public.simulation_trades TO service_role;
GRANT SELECT ON TABLE public.simulation_trades TO zmarty_api;
GRANT SELECT,INSERT,DELETE ON TABLE public.simulation_trades TO zmarty_worker;

GRANT ALL ON TABLE public.simulations TO service_role;
GRANT SELECT ON TABLE public.simulations TO zmarty_api;
GRANT SELECT,INSERT,UPDATE ON TABLE public.simulations TO zmarty_worker;

GRANT ALL ON TABLE public.source_usage TO service_role;
GRANT SELECT ON TABLE public.source_usage TO zmarty_api;
GRANT SELECT,INSERT,UPDATE ON TABLE public.source_usage TO zmarty_worker;

GRANT ALL ON TABLE public.source_standing TO service_role;
GRANT SELECT ON TABLE public.source_standing TO zmarty_api;
GRANT SELECT ON TABLE public.source_standing TO zmarty_worker;

GRANT ALL ON TABLE public.trading_signals TO service_role;
GRANT SELECT ON TABLE public.trading_signals TO zmarty_api;
GRANT SELECT ON TABLE public.trading_signals TO zmarty_worker;

GRANT ALL ON TABLE public.user_references TO service_role;
GRANT SELECT ON TABLE public.user_references TO zmarty_api;
GRANT SELECT ON TABLE public.user_references TO zmarty_worker;

GRANT ALL ON TABLE public.vendor_answers TO service_role;
GRANT SELECT,INSERT,UPDATE ON TABLE public.vendor_answers TO zmarty_worker;

GRANT ALL ON TABLE public.vendor_limits TO service_role;
GRANT SELECT ON TABLE public.vendor_limits TO zmarty_api;
GRANT SELECT ON TABLE public.vendor_limits TO zmarty_worker;

GRANT UPDATE(full_at) ON TABLE public.vendor_limits TO zmarty_worker;

GRANT UPDATE(paused_until) ON TABLE public.vendor_limits TO zmarty_worker;

GRANT UPDATE(paused_because) ON TABLE public.vendor_limits TO zmarty_worker;

GRANT UPDATE(warned_on) ON TABLE public.vendor_limits TO zmarty_worker;

GRANT ALL ON TABLE public.vendor_usage TO service_role;
GRANT SELECT ON TABLE public.vendor_usage TO zmarty_api;
GRANT SELECT,INSERT,UPDATE ON TABLE public.vendor_usage TO zmarty_worker;

GRANT ALL ON TABLE public.vendor_standing TO service_role;
GRANT SELECT ON TABLE public.vendor_standing TO zmarty_api;
GRANT SELECT ON TABLE public.vendor_standing TO zmarty_worker;

GRANT ALL ON TABLE public.watchers TO service_role;
GRANT SELECT ON TABLE public.watchers TO zmarty_api;
GRANT SELECT ON TABLE public.watchers TO zmarty_worker;

GRANT ALL ON TABLE public.win_rate TO service_role;
GRANT SELECT ON TABLE public.win_rate TO zmarty_api;
GRANT SELECT,INSERT,UPDATE ON TABLE public.win_rate TO zmarty_worker;

GRANT ALL ON TABLE public.worker_heartbeats TO service_role;
GRANT SELECT ON TABLE public.worker_heartbeats TO zmarty_api;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.worker_heartbeats TO zmarty_worker;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE queueing.failures TO zmarty_api;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE queueing.failures TO zmarty_worker;

GRANT SELECT,INSERT,DELETE ON TABLE queueing.pauses TO zmarty_api;
GRANT SELECT ON TABLE queueing.pauses TO zmarty_worker;

ALTER DEFAULT PRIVILEGES FOR ROLE postgres IN SCHEMA public GRANT ALL ON SEQUENCES  TO service_role;

ALTER DEFAULT PRIVILEGES FOR ROLE postgres IN SCHEMA public GRANT ALL ON FUNCTIONS  TO service_role;

ALTER DEFAULT PRIVILEGES FOR ROLE postgres IN SCHEMA public GRANT ALL ON TABLES  TO service_role;
