-- Supabase B (trading) as its migrations leave it. Generated from supabase/trading/migrations
-- by `make pages`; do not edit. Fingerprint of the migrations: 09d15e573b94f24c

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

CREATE FUNCTION private.keep_up() RETURNS void
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $_$
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
$_$;

COMMENT ON FUNCTION private.keep_up() IS 'Daily upkeep in bounded steps: partitions ahead, archives, errors and the log of cron.';

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

CREATE FUNCTION queueing.create_queue(queue_name text) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
declare
  table_name text;
begin
  perform pgmq.create(queue_name);
  perform pgmq.create(queue_name || '_dead');
  execute format(
    'create trigger notify_sent after insert on pgmq.%I for each statement execute function queueing.notify_sent(%L)',
    'q_' || queue_name, queue_name
  );
  -- What coalesces equal work while it is unread; messages sent by hand carry no key and are never merged away.
  execute format(
    'create unique index %I on pgmq.%I ((message ->> ''key'')) where read_ct = 0 and message ? ''key''',
    'q_' || queue_name || '_unread_once', 'q_' || queue_name
  );
  -- A queue's rows live for seconds: vacuum by count, not by a share of a table that is mostly empty.
  execute format(
    'alter table pgmq.%I set (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_cost_delay = 0)',
    'q_' || queue_name
  );
  foreach table_name in array array[
    'q_' || queue_name, 'a_' || queue_name, 'q_' || queue_name || '_dead', 'a_' || queue_name || '_dead'
  ]
  loop
    execute format('alter table pgmq.%I enable row level security', table_name);
    execute format(
      'create policy services_keep on pgmq.%I to zmarty_api, zmarty_worker using (true) with check (true)', table_name
    );
    execute format('grant select, insert, update, delete on pgmq.%I to zmarty_api, zmarty_worker', table_name);
  end loop;
  -- pgmq.metrics reads the total from the sequence.
  execute format(
    'grant usage, select on sequence pgmq.%I, pgmq.%I to zmarty_api, zmarty_worker',
    'q_' || queue_name || '_msg_id_seq', 'q_' || queue_name || '_dead_msg_id_seq'
  );
end
$$;

COMMENT ON FUNCTION queueing.create_queue(queue_name text) IS 'A queue and its dead letters with everything that Zmarty adds to pgmq''s tables. Migrations call it; services never do.';

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
    CONSTRAINT instruments_symbol_canonical CHECK ((symbol ~ '^[A-Z0-9]{2,12}/[A-Z0-9]{2,12}$'::text))
);

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
    CONSTRAINT liq_clusters_notional_counted CHECK ((notional >= (0)::numeric)),
    CONSTRAINT liq_clusters_price_positive CHECK ((price > (0)::numeric)),
    CONSTRAINT liq_clusters_side_known CHECK ((side = ANY (ARRAY['above'::text, 'below'::text]))),
    CONSTRAINT liq_clusters_size_known CHECK ((size = ANY (ARRAY['small'::text, 'medium'::text, 'large'::text, 'xlarge'::text])))
);

ALTER TABLE public.liq_clusters ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.liq_clusters_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

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
    CONSTRAINT signals_confidence_bounded CHECK (((confidence >= (0)::double precision) AND (confidence <= (1)::double precision))),
    CONSTRAINT signals_directed_have_levels CHECK (((direction = 'flat'::text) OR ((confidence IS NOT NULL) AND (stop_price IS NOT NULL) AND (cardinality(targets) > 0)))),
    CONSTRAINT signals_direction_known CHECK ((direction = ANY (ARRAY['long'::text, 'short'::text, 'flat'::text]))),
    CONSTRAINT signals_entry_positive CHECK ((entry_price > (0)::numeric)),
    CONSTRAINT signals_origin_known CHECK ((origin = ANY (ARRAY['live'::text, 'backfill'::text]))),
    CONSTRAINT signals_score_bounded CHECK (((score >= ('-1'::integer)::double precision) AND (score <= (1)::double precision))),
    CONSTRAINT signals_stop_positive CHECK ((stop_price > (0)::numeric)),
    CONSTRAINT signals_strength_bounded CHECK (((strength >= 1) AND (strength <= 100))),
    CONSTRAINT signals_verdict_known CHECK ((verdict = ANY (ARRAY['act'::text, 'watch'::text, 'no_edge'::text])))
);

COMMENT ON COLUMN public.signals.confidence IS 'Probability that the first target comes before the stop. Null where nothing is claimed: a flat signal.';

COMMENT ON COLUMN public.signals.expected_value IS 'Expected return of the trade after costs, as a fraction of the entry price.';

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
    last_failed_at timestamp with time zone DEFAULT now() NOT NULL
);

COMMENT ON TABLE queueing.failures IS 'One row for each message that failed and will be tried again.';

ALTER TABLE ONLY public.candles
    ADD CONSTRAINT candles_pkey PRIMARY KEY (symbol, timeframe, opened_at, exchange);

ALTER TABLE ONLY public.indicators
    ADD CONSTRAINT indicators_pkey PRIMARY KEY (symbol, timeframe, opened_at, source);

ALTER TABLE ONLY public.ingest_state
    ADD CONSTRAINT ingest_state_pkey PRIMARY KEY (symbol, timeframe);

ALTER TABLE ONLY public.instruments
    ADD CONSTRAINT instruments_pkey PRIMARY KEY (symbol);

ALTER TABLE ONLY public.liq_clusters
    ADD CONSTRAINT liq_clusters_observed_once UNIQUE (symbol, source, observed_at, side, price);

ALTER TABLE ONLY public.liq_clusters
    ADD CONSTRAINT liq_clusters_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.recent_errors
    ADD CONSTRAINT recent_errors_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.signal_outcomes
    ADD CONSTRAINT signal_outcomes_pkey PRIMARY KEY (signal_id, horizon, label_version);

ALTER TABLE ONLY public.signals
    ADD CONSTRAINT signals_once_per_candle UNIQUE (symbol, timeframe, opened_at, strategy_version);

ALTER TABLE ONLY public.signals
    ADD CONSTRAINT signals_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.watchers
    ADD CONSTRAINT watchers_pkey PRIMARY KEY (user_id, symbol, timeframe);

ALTER TABLE ONLY public.win_rate
    ADD CONSTRAINT win_rate_pkey PRIMARY KEY (symbol, timeframe, strategy_version, direction, horizon, lookback_days, origin);

ALTER TABLE ONLY public.worker_heartbeats
    ADD CONSTRAINT worker_heartbeats_pkey PRIMARY KEY (worker_id);

ALTER TABLE ONLY queueing.failures
    ADD CONSTRAINT failures_pkey PRIMARY KEY (queue, msg_id);

CREATE INDEX indicators_newest ON public.indicators USING btree (symbol, timeframe, source, opened_at DESC);

CREATE INDEX ingest_state_due ON public.ingest_state USING btree (next_due_at);

CREATE INDEX liq_clusters_newest ON public.liq_clusters USING btree (symbol, observed_at DESC);

CREATE INDEX recent_errors_newest ON public.recent_errors USING btree (occurred_at DESC);

CREATE INDEX signals_newest ON public.signals USING btree (symbol, timeframe, opened_at DESC);

CREATE INDEX watchers_active_pairs ON public.watchers USING btree (symbol, timeframe) WHERE active;

ALTER TABLE ONLY public.signal_outcomes
    ADD CONSTRAINT signal_outcomes_signal_id_fkey FOREIGN KEY (signal_id) REFERENCES public.signals(id) ON DELETE CASCADE;

CREATE POLICY api_keeps ON public.recent_errors TO zmarty_api USING (true) WITH CHECK (true);

CREATE POLICY api_reads ON public.candles FOR SELECT TO zmarty_api USING (true);

CREATE POLICY api_reads ON public.indicators FOR SELECT TO zmarty_api USING (true);

CREATE POLICY api_reads ON public.ingest_state FOR SELECT TO zmarty_api USING (true);

CREATE POLICY api_reads ON public.instruments FOR SELECT TO zmarty_api USING (true);

CREATE POLICY api_reads ON public.liq_clusters FOR SELECT TO zmarty_api USING (true);

CREATE POLICY api_reads ON public.signal_outcomes FOR SELECT TO zmarty_api USING (true);

CREATE POLICY api_reads ON public.signals FOR SELECT TO zmarty_api USING (true);

CREATE POLICY api_reads ON public.watchers FOR SELECT TO zmarty_api USING (true);

CREATE POLICY api_reads ON public.win_rate FOR SELECT TO zmarty_api USING (true);

CREATE POLICY api_reads ON public.worker_heartbeats FOR SELECT TO zmarty_api USING (true);

ALTER TABLE public.candles ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.indicators ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.ingest_state ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.instruments ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.liq_clusters ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.recent_errors ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.signal_outcomes ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.signals ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.watchers ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.win_rate ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.worker_heartbeats ENABLE ROW LEVEL SECURITY;

CREATE POLICY worker_keeps ON public.candles TO zmarty_worker USING (true) WITH CHECK (true);

CREATE POLICY worker_keeps ON public.indicators TO zmarty_worker USING (true) WITH CHECK (true);

CREATE POLICY worker_keeps ON public.ingest_state TO zmarty_worker USING (true) WITH CHECK (true);

CREATE POLICY worker_keeps ON public.instruments TO zmarty_worker USING (true) WITH CHECK (true);

CREATE POLICY worker_keeps ON public.liq_clusters TO zmarty_worker USING (true) WITH CHECK (true);

CREATE POLICY worker_keeps ON public.recent_errors TO zmarty_worker USING (true) WITH CHECK (true);

CREATE POLICY worker_keeps ON public.signal_outcomes TO zmarty_worker USING (true) WITH CHECK (true);

CREATE POLICY worker_keeps ON public.signals TO zmarty_worker USING (true) WITH CHECK (true);

CREATE POLICY worker_keeps ON public.win_rate TO zmarty_worker USING (true) WITH CHECK (true);

CREATE POLICY worker_keeps ON public.worker_heartbeats TO zmarty_worker USING (true) WITH CHECK (true);

CREATE POLICY worker_reads ON public.watchers FOR SELECT TO zmarty_worker USING (true);

ALTER TABLE queueing.failures ENABLE ROW LEVEL SECURITY;

CREATE POLICY services_keep ON queueing.failures TO zmarty_api, zmarty_worker USING (true) WITH CHECK (true);

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

REVOKE ALL ON FUNCTION private.keep_up() FROM PUBLIC;

REVOKE ALL ON FUNCTION private.recent_cron_runs(limit_runs integer) FROM PUBLIC;
GRANT ALL ON FUNCTION private.recent_cron_runs(limit_runs integer) TO zmarty_api;
GRANT ALL ON FUNCTION private.recent_cron_runs(limit_runs integer) TO zmarty_worker;

REVOKE ALL ON FUNCTION private.refuse_clash(names text[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION queueing.create_queue(queue_name text) FROM PUBLIC;

REVOKE ALL ON FUNCTION queueing.enqueue_due_ingests() FROM PUBLIC;

REVOKE ALL ON FUNCTION queueing.enqueue_win_rates() FROM PUBLIC;

REVOKE ALL ON FUNCTION queueing.notify_sent() FROM PUBLIC;

REVOKE ALL ON FUNCTION queueing.send_once(queue_name text, message jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION queueing.send_once(queue_name text, message jsonb) TO zmarty_api;
GRANT ALL ON FUNCTION queueing.send_once(queue_name text, message jsonb) TO zmarty_worker;

GRANT ALL ON TABLE public.candles TO service_role;
GRANT SELECT ON TABLE public.candles TO zmarty_api;
GRANT SELECT,INSERT,UPDATE ON TABLE public.candles TO zmarty_worker;

GRANT ALL ON TABLE public.indicators TO service_role;
GRANT SELECT ON TABLE public.indicators TO zmarty_api;
GRANT SELECT,INSERT,UPDATE ON TABLE public.indicators TO zmarty_worker;

GRANT ALL ON TABLE public.ingest_state TO service_role;
GRANT SELECT ON TABLE public.ingest_state TO zmarty_api;
GRANT SELECT,INSERT,UPDATE ON TABLE public.ingest_state TO zmarty_worker;

GRANT ALL ON TABLE public.instruments TO service_role;
GRANT SELECT ON TABLE public.instruments TO zmarty_api;
GRANT SELECT,INSERT,UPDATE ON TABLE public.instruments TO zmarty_worker;

GRANT ALL ON TABLE public.liq_clusters TO service_role;
GRANT SELECT ON TABLE public.liq_clusters TO zmarty_api;
GRANT SELECT,INSERT ON TABLE public.liq_clusters TO zmarty_worker;

GRANT ALL ON SEQUENCE public.liq_clusters_id_seq TO service_role;

GRANT ALL ON TABLE public.recent_errors TO service_role;
GRANT SELECT,INSERT,DELETE ON TABLE public.recent_errors TO zmarty_api;
GRANT SELECT,INSERT,DELETE ON TABLE public.recent_errors TO zmarty_worker;

GRANT ALL ON SEQUENCE public.recent_errors_id_seq TO service_role;

GRANT ALL ON TABLE public.signal_outcomes TO service_role;
GRANT SELECT ON TABLE public.signal_outcomes TO zmarty_api;
GRANT SELECT,INSERT ON TABLE public.signal_outcomes TO zmarty_worker;

GRANT ALL ON TABLE public.signals TO service_role;
GRANT SELECT ON TABLE public.signals TO zmarty_api;
GRANT SELECT,INSERT ON TABLE public.signals TO zmarty_worker;

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

ALTER DEFAULT PRIVILEGES FOR ROLE postgres IN SCHEMA public GRANT ALL ON SEQUENCES  TO service_role;

ALTER DEFAULT PRIVILEGES FOR ROLE postgres IN SCHEMA public GRANT ALL ON FUNCTIONS  TO service_role;

ALTER DEFAULT PRIVILEGES FOR ROLE postgres IN SCHEMA public GRANT ALL ON TABLES  TO service_role;
