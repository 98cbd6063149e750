-- Supabase A (chat) as its migrations leave it. Generated from supabase/chat/migrations
-- by `make pages`; do not edit. Fingerprint of the migrations: ee7a6752c7e0607c

CREATE SCHEMA private;

CREATE SCHEMA public;

COMMENT ON SCHEMA public IS 'standard public schema';

CREATE FUNCTION private.canonical_symbol(written text) RETURNS text
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO ''
    AS $_$
declare
  bare text := upper(btrim(written));
  parts text[];
  quote text;
begin
  if bare is null or char_length(bare) not between 1 and 20 then
    raise exception 'symbol: must have 1 to 20 characters, like BTC/USDT' using errcode = 'ZM002';
  end if;
  if bare ~ '(:[A-Z0-9]*|\.P|[-_/]?PERP)$' then
    raise exception 'symbol: % names a derivative; Zmarty watches spot pairs such as BTC/USDT', bare
      using errcode = 'ZM002';
  end if;
  parts := regexp_split_to_array(bare, '[/_-]');
  if cardinality(parts) <> 2 then
    parts := array[bare, 'USDT'];
    foreach quote in array array['FDUSD', 'USDT', 'USDC', 'USD', 'EUR', 'BTC', 'ETH', 'BNB'] loop
      if bare like '%_' || quote then
        parts := array[left(bare, -char_length(quote)), quote];
        exit;
      end if;
    end loop;
  end if;
  if parts[1] !~ '^[A-Z0-9]{2,12}$' or parts[2] !~ '^[A-Z0-9]{2,12}$' then
    raise exception 'symbol: must be BASE/QUOTE, each of 2 to 12 letters or digits, like BTC/USDT'
      using errcode = 'ZM002';
  end if;
  return parts[1] || '/' || parts[2];
end
$_$;

COMMENT ON FUNCTION private.canonical_symbol(written text) IS 'The same rules as zmarty.market.Symbol.parse, for clients that write directly; a test holds both to the same answers.';

CREATE FUNCTION private.expire_holds(p_limit integer DEFAULT 1000) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
declare
  hold_id uuid;
  expired integer := 0;
begin
  for hold_id in
    select id from public.credit_holds where state = 'held' and expires_at < now() order by user_id, id limit p_limit
  loop
    if private.release_hold(hold_id, 'expired') then
      expired := expired + 1;
    end if;
  end loop;
  return expired;
end
$$;

COMMENT ON FUNCTION private.expire_holds(p_limit integer) IS 'The second net: holds whose request died without settling. Shares the one resolution with settle and release.';

CREATE FUNCTION private.forget_agent_calls(p_rows_max integer DEFAULT 10000) RETURNS integer
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
declare
  kept constant interval := '1 day';
  forgotten integer;
begin
  delete from public.agent_calls
  where (user_id, key) in (
    select user_id, key from public.agent_calls where created_at < now() - kept order by created_at limit p_rows_max
  );
  get diagnostics forgotten = row_count;
  return forgotten;
end
$$;

COMMENT ON FUNCTION private.forget_agent_calls(p_rows_max integer) IS 'Delete calls older than a day, oldest first; returns how many.';

CREATE FUNCTION private.grant_credits(p_user_id uuid, p_credits integer, p_key text, p_reason text, p_metadata jsonb DEFAULT '{}'::jsonb) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
declare
  credits_max constant integer := 1000000;
  entry_id bigint;
  new_balance integer;
begin
  if p_credits is null or p_credits not between 1 and credits_max then
    raise exception 'credits must be between 1 and %', credits_max using errcode = 'invalid_parameter_value';
  end if;
  insert into public.credit_accounts (user_id) values (p_user_id) on conflict (user_id) do nothing;
  perform from public.credit_accounts where user_id = p_user_id for update;
  select id into entry_id from public.credits_ledger where user_id = p_user_id and idempotency_key = p_key;
  if found then
    return entry_id;
  end if;
  update public.credit_accounts
  set balance = balance + p_credits, updated_at = now()
  where user_id = p_user_id
  returning balance into new_balance;
  insert into public.credits_ledger (user_id, kind, amount, balance_after, idempotency_key, reason, metadata)
  values (p_user_id, 'grant', p_credits, new_balance, p_key, p_reason, p_metadata)
  returning id into entry_id;
  return entry_id;
end
$$;

COMMENT ON FUNCTION private.grant_credits(p_user_id uuid, p_credits integer, p_key text, p_reason text, p_metadata jsonb) IS 'Add credits once for each key; returns the entry. A repeated key changes nothing and returns the first entry.';

CREATE FUNCTION private.guard_user_symbol() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
declare
  limit_of_tier integer;
  name_of_tier text;
  watched integer;
begin
  new.symbol := private.canonical_symbol(new.symbol);
  new.updated_at := now();
  if tg_op = 'UPDATE' and new.user_id is distinct from old.user_id then
    raise exception 'user_id: a watched symbol cannot change its owner' using errcode = 'check_violation';
  end if;
  if new.active and (tg_op = 'INSERT' or not old.active) then
    -- Serialises one user's additions, so that two at once cannot both take the last place.
    select tiers.symbols_max, tiers.tier
    into limit_of_tier, name_of_tier
    from public.profiles
    join public.tiers using (tier)
    where profiles.user_id = new.user_id
    for update of profiles;
    select count(*) into watched
    from public.user_symbols
    where user_symbols.user_id = new.user_id and user_symbols.active and user_symbols.id <> new.id;
    if watched >= coalesce(limit_of_tier, 0) then
      raise exception 'symbol: the % plan watches at most % symbols', coalesce(name_of_tier, 'missing'), coalesce(limit_of_tier, 0)
        using errcode = 'ZM001', hint = 'Stop watching one, or choose a larger plan.';
    end if;
  end if;
  return new;
end
$$;

CREATE FUNCTION private.hold_credits(p_user_id uuid, p_credits integer, p_seconds integer, OUT hold_id uuid, OUT balance integer, OUT available integer) RETURNS record
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
#variable_conflict use_column
begin
  if p_credits is null or p_credits < 1 or p_seconds is null or p_seconds < 1 then
    raise exception 'a hold needs at least 1 credit and 1 second' using errcode = 'invalid_parameter_value';
  end if;
  update public.credit_accounts
  set held = held + p_credits, updated_at = now()
  where user_id = p_user_id and credit_accounts.balance - held >= p_credits
  returning credit_accounts.balance, credit_accounts.balance - held into hold_credits.balance, hold_credits.available;
  if found then
    insert into public.credit_holds (user_id, credits, expires_at)
    values (p_user_id, p_credits, now() + make_interval(secs => p_seconds))
    returning id into hold_credits.hold_id;
  else
    select account.balance, account.balance - account.held into hold_credits.balance, hold_credits.available
    from public.credit_accounts as account
    where account.user_id = p_user_id;
  end if;
end
$$;

COMMENT ON FUNCTION private.hold_credits(p_user_id uuid, p_credits integer, p_seconds integer, OUT hold_id uuid, OUT balance integer, OUT available integer) IS 'Reserve credits until they are settled, released or expire. hold_id is null when fewer are available; nothing changed then.';

CREATE FUNCTION private.keep_up() RETURNS void
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
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

COMMENT ON FUNCTION private.keep_up() IS 'Daily upkeep in bounded steps: request keys, delivered outbox rows, errors, the log of cron.';

CREATE FUNCTION private.mark_by_id() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
begin
  perform private.mark_reference(coalesce(new.id, old.id));
  return null;
end
$$;

CREATE FUNCTION private.mark_by_user_id() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
begin
  perform private.mark_reference(new.user_id);
  return null;
end
$$;

CREATE FUNCTION private.mark_reference(p_user_id uuid) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
begin
  loop
    -- Held until we commit: a snapshot that is taken before must leave the mark, or it would miss our change.
    perform from private.reference_marks where user_id = p_user_id for key share;
    exit when found;
    insert into private.reference_marks (user_id) values (p_user_id) on conflict (user_id) do nothing;
    exit when found;
  end loop;
end
$$;

COMMENT ON FUNCTION private.mark_reference(p_user_id uuid) IS 'Have the user mirrored with the next round. Whoever changes a user holds the mark until the change is committed.';

CREATE FUNCTION private.mirror_references(p_users_max integer DEFAULT 5000) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
declare
  -- A little less than a minute: the schedule comes each minute, but not to the second.
  least_pause constant interval := '55 seconds';
  users uuid[];
begin
  -- Whoever is changing a user holds the mark; those wait for the next round, and nobody waits for us.
  select array_agg(mark.user_id) into users
  from (
    select marked.user_id
    from private.reference_marks as marked
    where not exists (
      select
      from public.outbox
      where outbox.user_id = marked.user_id
        and outbox.payload ->> 'table' = 'user_references' and outbox.created_at > clock_timestamp() - least_pause
    )
    order by marked.marked_at
    limit p_users_max
    for update of marked skip locked
  ) as mark;
  delete from private.reference_marks where user_id = any (users);
  -- A statement of its own, so that it sees what was committed before the marks were ours.
  insert into public.outbox (user_id, payload)
  select
    snapshot.user_id,
    jsonb_build_object(
      'type', 'UPDATE', 'table', 'user_references', 'schema', 'public',
      'record', to_jsonb(snapshot), 'old_record', null
    )
  from private.reference_snapshots(users) as snapshot;
  return coalesce(cardinality(users), 0);
end
$$;

COMMENT ON FUNCTION private.mirror_references(p_users_max integer) IS 'Write a snapshot of each marked user into the outbox, at most one a minute for each; returns how many.';

CREATE FUNCTION private.notify_outbox() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
begin
  perform pg_catalog.pg_notify('zmarty_outbox', '');
  return null;
end
$$;

CREATE FUNCTION private.outrun_version(p_version bigint) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
declare
  steps_max constant bigint := 1000;
  ids constant regclass := pg_catalog.pg_get_serial_sequence('public.outbox', 'id');
  behind bigint;
begin
  -- After a restore from a backup the trading database can hold versions that this sequence has not given out yet.
  select p_version - coalesce(last_value, 0) into behind from pg_catalog.pg_sequences
  where schemaname = 'public' and format('%I.%I', schemaname, sequencename)::regclass = ids;
  if behind > steps_max then
    perform pg_catalog.setval(ids, p_version);
  elsif behind > 0 then
    -- Step by step: others take numbers meanwhile, and a sequence must not go back behind them.
    perform pg_catalog.nextval(ids) from generate_series(1, behind);
  end if;
end
$$;

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

CREATE FUNCTION private.reference_snapshots(p_user_ids uuid[]) RETURNS TABLE(user_id uuid, email text, tier text, credits_balance integer, is_active boolean)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO ''
    AS $$
  select
    asked.user_id,
    -- Who has left is known by the id alone.
    login.email::text,
    coalesce(profile.tier, 'free'),
    coalesce(account.balance, 0),
    login.id is not null and login.deleted_at is null and coalesce(login.banned_until <= now(), true)
  from unnest(p_user_ids) as asked (user_id)
  left join auth.users as login on login.id = asked.user_id
  left join public.profiles as profile on profile.user_id = asked.user_id
  left join public.credit_accounts as account on account.user_id = asked.user_id;
$$;

COMMENT ON FUNCTION private.reference_snapshots(p_user_ids uuid[]) IS 'What user_references in the trading database should say now.';

CREATE FUNCTION private.refuse_change() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
begin
  -- Deleting a user deletes their rows by cascade; that comes from a trigger. Nothing else may touch an entry.
  if tg_op = 'DELETE' and pg_trigger_depth() > 1 then
    return old;
  end if;
  raise exception 'the ledger is append-only: correct an entry by a new one' using errcode = 'restrict_violation';
end
$$;

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

CREATE FUNCTION private.relay_user_symbol() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
begin
  -- The form of Supabase's database webhooks: record is null on DELETE, old_record is null on INSERT.
  insert into public.outbox (user_id, payload)
  values (
    coalesce(new.user_id, old.user_id),
    jsonb_build_object(
      'type', tg_op,
      'table', tg_table_name,
      'schema', tg_table_schema,
      'record', case when tg_op = 'DELETE' then null else to_jsonb(new) end,
      'old_record', case when tg_op = 'INSERT' then null else to_jsonb(old) end
    )
  );
  return null;
end
$$;

CREATE FUNCTION private.release_hold(p_hold_id uuid, p_state text DEFAULT 'released'::text) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
declare
  owner_id uuid;
begin
  if p_state not in ('released', 'expired') then
    raise exception 'a hold is released or it expires' using errcode = 'invalid_parameter_value';
  end if;
  select user_id into owner_id from public.credit_holds where id = p_hold_id;
  perform from public.credit_accounts where user_id = owner_id for update;
  if private.resolve_hold(p_hold_id, p_state, 0) is null then
    return false;
  end if;
  update public.credit_accounts
  set held = held - (select credits from public.credit_holds where id = p_hold_id), updated_at = now()
  where user_id = owner_id;
  return true;
end
$$;

COMMENT ON FUNCTION private.release_hold(p_hold_id uuid, p_state text) IS 'Give a hold back uncharged; false when it was resolved already.';

CREATE FUNCTION private.repair_reference(p_user_id uuid, p_version bigint) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
begin
  perform private.outrun_version(p_version);
  perform private.mark_reference(p_user_id);
end
$$;

COMMENT ON FUNCTION private.repair_reference(p_user_id uuid, p_version bigint) IS 'Have the user mirrored with the next round, with a version beyond p_version.';

CREATE FUNCTION private.repair_watchers(p_user_id uuid, p_symbols text[], p_timeframes text[], p_version bigint) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
declare
  written integer;
  written_as_gone integer;
begin
  perform private.outrun_version(p_version);
  -- Locked, so that a change that is under way is either seen here or comes after us, with a greater id.
  perform from public.user_symbols where user_id = p_user_id for update;
  -- Additions take turns by the profile; without it one could be under way that we take for missing.
  perform from public.profiles where user_id = p_user_id for update;
  insert into public.outbox (user_id, payload)
  select
    p_user_id,
    jsonb_build_object(
      'type', 'UPDATE', 'table', 'user_symbols', 'schema', 'public',
      'record', to_jsonb(watched), 'old_record', to_jsonb(watched)
    )
  from public.user_symbols as watched
  join unnest(p_symbols, p_timeframes) as asked (symbol, timeframe) using (symbol, timeframe)
  where watched.user_id = p_user_id
  order by symbol, timeframe;
  get diagnostics written = row_count;
  insert into public.outbox (user_id, payload)
  select
    p_user_id,
    jsonb_build_object(
      'type', 'DELETE', 'table', 'user_symbols', 'schema', 'public', 'record', null,
      'old_record', jsonb_build_object('user_id', p_user_id, 'symbol', asked.symbol, 'timeframe', asked.timeframe)
    )
  from unnest(p_symbols, p_timeframes) as asked (symbol, timeframe)
  where not exists (
    select
    from public.user_symbols as watched
    where watched.user_id = p_user_id and watched.symbol = asked.symbol and watched.timeframe = asked.timeframe
  )
  order by asked.symbol, asked.timeframe;
  get diagnostics written_as_gone = row_count;
  return written + written_as_gone;
end
$$;

COMMENT ON FUNCTION private.repair_watchers(p_user_id uuid, p_symbols text[], p_timeframes text[], p_version bigint) IS 'Send these pairs of a user again as they are here, with versions beyond p_version; returns how many.';

CREATE FUNCTION private.resolve_hold(p_hold_id uuid, p_state text, p_charged integer) RETURNS uuid
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
declare
  owner_id uuid;
begin
  -- Settle, release and expire all pass here, and only the first of them finds the hold held.
  update public.credit_holds
  set state = p_state, charged = p_charged, resolved_at = now()
  where id = p_hold_id and state = 'held'
  returning user_id into owner_id;
  return owner_id;
end
$$;

CREATE FUNCTION private.retry_outbox(row_ids bigint[]) RETURNS bigint[]
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
declare
  rows_max constant integer := 1000;
  retried bigint[];
begin
  if row_ids is null or cardinality(row_ids) > rows_max or array_position(row_ids, null) is not null then
    raise exception 'name at most % rows at a time', rows_max using errcode = 'invalid_parameter_value';
  end if;
  -- Out of order by now, and harmless: the receiving side lets no older version win over a newer one.
  with unparked as (
    update public.outbox
    set parked_at = null, due_at = now(), attempts = 0, claimed_by = null, claimed_until = null
    where id = any (row_ids) and parked_at is not null and delivered_at is null
    returning id
  )
  select coalesce(array_agg(id order by id), '{}') into retried from unparked;
  if cardinality(retried) > 0 then
    perform pg_catalog.pg_notify('zmarty_outbox', '');
  end if;
  return retried;
end
$$;

COMMENT ON FUNCTION private.retry_outbox(row_ids bigint[]) IS 'Give parked changes to the relay again; returns those that were parked.';

CREATE FUNCTION private.retry_parked(p_rows_max integer DEFAULT 10000) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
declare
  retried integer;
begin
  update public.outbox
  set parked_at = null, attempts = 0, due_at = now(), last_error = null
  where id in (
    select id from public.outbox where parked_at is not null order by id limit p_rows_max for update skip locked
  );
  get diagnostics retried = row_count;
  perform pg_catalog.pg_notify('zmarty_outbox', '');
  return retried;
end
$$;

COMMENT ON FUNCTION private.retry_parked(p_rows_max integer) IS 'Try the parked outbox rows again, oldest first; returns how many.';

CREATE FUNCTION private.settle_hold(p_hold_id uuid, p_credits integer, p_provider text, p_model text, p_input_tokens integer, p_output_tokens integer, p_reason text, p_metadata jsonb DEFAULT '{}'::jsonb, OUT charged integer, OUT balance integer, OUT available integer, OUT state text) RETURNS record
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
#variable_conflict use_column
declare
  hold public.credit_holds;
  account public.credit_accounts;
begin
  if p_credits is null or p_credits < 0 then
    raise exception 'a charge must not be negative' using errcode = 'invalid_parameter_value';
  end if;
  select * into hold from public.credit_holds where id = p_hold_id;
  if not found then
    raise exception 'no such hold' using errcode = 'no_data_found';
  end if;
  -- The account before the hold, as everywhere: one lock order, no deadlock.
  select * into account from public.credit_accounts where user_id = hold.user_id for update;
  if private.resolve_hold(p_hold_id, 'settled', least(p_credits, hold.credits)) is not null then
    settle_hold.charged := least(p_credits, hold.credits);
    update public.credit_accounts
    set balance = balance - settle_hold.charged, held = held - hold.credits, updated_at = now()
    where user_id = hold.user_id
    returning * into account;
    if settle_hold.charged > 0 then
      insert into public.credits_ledger
        (user_id, kind, amount, balance_after, idempotency_key, provider, model, input_tokens, output_tokens, reason, metadata)
      values (
        hold.user_id, 'charge', -settle_hold.charged, account.balance, 'hold:' || p_hold_id, p_provider, p_model,
        p_input_tokens, p_output_tokens, p_reason,
        -- What the hold could not cover is not charged, and not hidden either.
        p_metadata || case when p_credits > hold.credits then jsonb_build_object('shortfall', p_credits - hold.credits)
                      else '{}'::jsonb end
      );
    end if;
    settle_hold.state := 'settled';
  else
    select coalesce(credit_holds.charged, 0), credit_holds.state into settle_hold.charged, settle_hold.state
    from public.credit_holds
    where id = p_hold_id;
  end if;
  settle_hold.balance := account.balance;
  settle_hold.available := account.balance - account.held;
end
$$;

COMMENT ON FUNCTION private.settle_hold(p_hold_id uuid, p_credits integer, p_provider text, p_model text, p_input_tokens integer, p_output_tokens integer, p_reason text, p_metadata jsonb, OUT charged integer, OUT balance integer, OUT available integer, OUT state text) IS 'Charge what was used, at most what was held. Only the first resolution of a hold moves credits; later calls tell its result.';

CREATE FUNCTION private.touch_updated_at() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
begin
  new.updated_at := now();
  return new;
end
$$;

CREATE FUNCTION private.users_after(p_user_id uuid, p_users_max integer) RETURNS TABLE(user_id uuid, email text, tier text, credits_balance integer, is_active boolean)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO ''
    AS $$
  select snapshot.user_id, snapshot.email, snapshot.tier, snapshot.credits_balance, snapshot.is_active
  from private.reference_snapshots(
    array(select login.id from auth.users as login where login.id > p_user_id order by login.id limit p_users_max)
  ) as snapshot
  order by snapshot.user_id;
$$;

COMMENT ON FUNCTION private.users_after(p_user_id uuid, p_users_max integer) IS 'The next users by id as user_references should have them.';

CREATE FUNCTION private.welcome(p_user_id uuid, p_metadata jsonb) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
declare
  credits_at_signup constant integer := 100;
begin
  insert into public.profiles (user_id, full_name, avatar_url)
  values (p_user_id, left(p_metadata ->> 'full_name', 255), left(p_metadata ->> 'avatar_url', 2000))
  on conflict (user_id) do nothing;
  -- Keyed by the user: however often this runs, the credits come once.
  perform private.grant_credits(p_user_id, credits_at_signup, 'signup:' || p_user_id, 'Welcome to Zmarty');
end
$$;

CREATE FUNCTION private.welcome_new_user() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
begin
  perform private.welcome(new.id, coalesce(new.raw_user_meta_data, '{}'));
  return new;
end
$$;

CREATE TABLE private.reference_marks (
    user_id uuid NOT NULL,
    marked_at timestamp with time zone DEFAULT now() NOT NULL
);

COMMENT ON TABLE private.reference_marks IS 'A user stands here from a change of tier, e-mail or balance on until a snapshot of them is in the outbox.';

CREATE TABLE public.agent_calls (
    user_id uuid NOT NULL,
    key text NOT NULL,
    body_sha256 text NOT NULL,
    hold_id uuid NOT NULL,
    answer text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT agent_calls_answer_bounded CHECK ((char_length(answer) <= 20000)),
    CONSTRAINT agent_calls_key_bounded CHECK (((char_length(key) >= 1) AND (char_length(key) <= 255)))
);

COMMENT ON TABLE public.agent_calls IS 'Calls over MCP with an Idempotency-Key; kept for a day. Without an answer the call is under way, or died.';

CREATE TABLE public.audit_log (
    id bigint NOT NULL,
    actor text NOT NULL,
    action text NOT NULL,
    entity text NOT NULL,
    old jsonb,
    new jsonb,
    ip inet,
    user_agent text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    result_of bigint
);

COMMENT ON COLUMN public.audit_log.result_of IS 'The row that holds the intent. An intent without a result: the action may have happened; look at what it names.';

ALTER TABLE public.audit_log ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.audit_log_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.conversations (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    user_id uuid NOT NULL,
    title text DEFAULT ''::text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT conversations_title_bounded CHECK ((char_length(title) <= 200))
);

CREATE TABLE public.credit_accounts (
    user_id uuid NOT NULL,
    balance integer DEFAULT 0 NOT NULL,
    held integer DEFAULT 0 NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT credit_accounts_held_counted CHECK ((held >= 0)),
    CONSTRAINT credit_accounts_no_overdraft CHECK ((balance >= held))
);

CREATE TABLE public.credits_ledger (
    id bigint NOT NULL,
    user_id uuid NOT NULL,
    kind text NOT NULL,
    amount integer NOT NULL,
    balance_after integer NOT NULL,
    idempotency_key text NOT NULL,
    provider text,
    model text,
    input_tokens integer,
    output_tokens integer,
    reason text NOT NULL,
    metadata jsonb DEFAULT '{}'::jsonb NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT credits_ledger_kind_known CHECK ((kind = ANY (ARRAY['grant'::text, 'charge'::text, 'refund'::text, 'expire'::text]))),
    CONSTRAINT credits_ledger_no_overdraft CHECK ((balance_after >= 0)),
    CONSTRAINT credits_ledger_sign_fits CHECK (
CASE
    WHEN (kind = ANY (ARRAY['grant'::text, 'refund'::text])) THEN (amount > 0)
    ELSE (amount < 0)
END)
);

CREATE VIEW public.credit_balance WITH (security_invoker='true') AS
 SELECT account.user_id,
    (COALESCE(( SELECT sum(entry.amount) AS sum
           FROM public.credits_ledger entry
          WHERE (entry.user_id = account.user_id)), (0)::bigint))::integer AS balance,
    account.held,
    (account.balance - account.held) AS available
   FROM public.credit_accounts account;

COMMENT ON VIEW public.credit_balance IS 'balance is the sum of the entries, not the account''s copy: that both agree is what reconcile checks.';

CREATE TABLE public.credit_holds (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    user_id uuid NOT NULL,
    credits integer NOT NULL,
    charged integer,
    state text DEFAULT 'held'::text NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    resolved_at timestamp with time zone,
    CONSTRAINT credit_holds_charge_covered CHECK (((charged >= 0) AND (charged <= credits))),
    CONSTRAINT credit_holds_positive CHECK ((credits > 0)),
    CONSTRAINT credit_holds_resolved_once CHECK (((state = 'held'::text) = (resolved_at IS NULL))),
    CONSTRAINT credit_holds_state_known CHECK ((state = ANY (ARRAY['held'::text, 'settled'::text, 'released'::text, 'expired'::text])))
);

ALTER TABLE public.credits_ledger ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.credits_ledger_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.messages (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    conversation_id uuid NOT NULL,
    user_id uuid NOT NULL,
    role text NOT NULL,
    content text NOT NULL,
    provider text,
    model text,
    hold_id uuid,
    input_tokens integer,
    output_tokens integer,
    credits integer,
    metadata jsonb DEFAULT '{}'::jsonb NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    rating text,
    rating_comment text,
    rated_at timestamp with time zone,
    CONSTRAINT messages_answers_are_rated CHECK (((rating IS NULL) OR (role = 'assistant'::text))),
    CONSTRAINT messages_rated_whole CHECK ((((rating IS NULL) = (rated_at IS NULL)) AND ((rating_comment IS NULL) OR (rating IS NOT NULL)))),
    CONSTRAINT messages_rating_comment_bounded CHECK ((char_length(rating_comment) <= 2000)),
    CONSTRAINT messages_rating_known CHECK ((rating = ANY (ARRAY['up'::text, 'down'::text]))),
    CONSTRAINT messages_role_known CHECK ((role = ANY (ARRAY['user'::text, 'assistant'::text])))
);

CREATE TABLE public.outbox (
    id bigint NOT NULL,
    user_id uuid NOT NULL,
    payload jsonb NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    claimed_by text,
    claimed_until timestamp with time zone,
    due_at timestamp with time zone DEFAULT now() NOT NULL,
    delivered_at timestamp with time zone,
    parked_at timestamp with time zone,
    last_error text,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);

COMMENT ON COLUMN public.outbox.due_at IS 'Not to be tried before; moved on by the backoff after a failure.';

COMMENT ON COLUMN public.outbox.parked_at IS 'Refused for good; waits for an operator and holds nobody else up.';

ALTER TABLE public.outbox ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.outbox_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.profiles (
    user_id uuid NOT NULL,
    tier text DEFAULT 'free'::text NOT NULL,
    full_name text,
    display_name text,
    avatar_url text,
    bio text,
    trading_experience text,
    risk_tolerance smallint,
    preferred_pairs text[] DEFAULT '{}'::text[] NOT NULL,
    notification_preferences jsonb DEFAULT '{}'::jsonb NOT NULL,
    language text DEFAULT 'en'::text NOT NULL,
    timezone text DEFAULT 'UTC'::text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT profiles_avatar_url_bounded CHECK ((char_length(avatar_url) <= 2000)),
    CONSTRAINT profiles_bio_bounded CHECK ((char_length(bio) <= 2000)),
    CONSTRAINT profiles_display_name_bounded CHECK ((char_length(display_name) <= 100)),
    CONSTRAINT profiles_experience_known CHECK ((trading_experience = ANY (ARRAY['beginner'::text, 'intermediate'::text, 'advanced'::text, 'expert'::text]))),
    CONSTRAINT profiles_full_name_bounded CHECK ((char_length(full_name) <= 255)),
    CONSTRAINT profiles_language_bounded CHECK ((char_length(language) <= 10)),
    CONSTRAINT profiles_preferred_pairs_bounded CHECK ((cardinality(preferred_pairs) <= 100)),
    CONSTRAINT profiles_risk_tolerance_bounded CHECK (((risk_tolerance >= 1) AND (risk_tolerance <= 5))),
    CONSTRAINT profiles_timezone_bounded CHECK ((char_length(timezone) <= 50))
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

CREATE TABLE public.request_keys (
    user_id uuid NOT NULL,
    key text NOT NULL,
    body_sha256 text NOT NULL,
    state text DEFAULT 'in_progress'::text NOT NULL,
    hold_id uuid,
    message_id uuid,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone DEFAULT (now() + '24:00:00'::interval) NOT NULL,
    CONSTRAINT request_keys_key_bounded CHECK (((char_length(key) >= 1) AND (char_length(key) <= 255))),
    CONSTRAINT request_keys_state_known CHECK ((state = ANY (ARRAY['in_progress'::text, 'done'::text])))
);

CREATE TABLE public.tiers (
    tier text NOT NULL,
    requests_per_minute integer NOT NULL,
    concurrent_streams integer NOT NULL,
    tokens_max integer NOT NULL,
    symbols_max integer NOT NULL,
    credits_monthly integer NOT NULL,
    price_cap integer NOT NULL,
    voice boolean NOT NULL
);

COMMENT ON COLUMN public.tiers.tokens_max IS 'Longest answer in tokens.';

COMMENT ON COLUMN public.tiers.price_cap IS 'Most credits that one request may cost.';

CREATE TABLE public.user_symbols (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    user_id uuid DEFAULT auth.uid() NOT NULL,
    symbol text NOT NULL,
    timeframe text NOT NULL,
    strategy jsonb DEFAULT '{}'::jsonb NOT NULL,
    active boolean DEFAULT true NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT user_symbols_strategy_bounded CHECK ((pg_column_size(strategy) <= 4096)),
    CONSTRAINT user_symbols_strategy_shallow CHECK ((NOT jsonb_path_exists(strategy, '$.**{17 to last}'::jsonpath))),
    CONSTRAINT user_symbols_timeframe_known CHECK ((timeframe = ANY (ARRAY['1m'::text, '5m'::text, '15m'::text, '30m'::text, '1h'::text, '4h'::text, '1d'::text, '1w'::text])))
);

ALTER TABLE ONLY private.reference_marks
    ADD CONSTRAINT reference_marks_pkey PRIMARY KEY (user_id);

ALTER TABLE ONLY public.agent_calls
    ADD CONSTRAINT agent_calls_pkey PRIMARY KEY (user_id, key);

ALTER TABLE ONLY public.audit_log
    ADD CONSTRAINT audit_log_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.conversations
    ADD CONSTRAINT conversations_owned UNIQUE (id, user_id);

ALTER TABLE ONLY public.conversations
    ADD CONSTRAINT conversations_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.credit_accounts
    ADD CONSTRAINT credit_accounts_pkey PRIMARY KEY (user_id);

ALTER TABLE ONLY public.credit_holds
    ADD CONSTRAINT credit_holds_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.credits_ledger
    ADD CONSTRAINT credits_ledger_once UNIQUE (user_id, idempotency_key);

ALTER TABLE ONLY public.credits_ledger
    ADD CONSTRAINT credits_ledger_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.messages
    ADD CONSTRAINT messages_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.outbox
    ADD CONSTRAINT outbox_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.profiles
    ADD CONSTRAINT profiles_pkey PRIMARY KEY (user_id);

ALTER TABLE ONLY public.recent_errors
    ADD CONSTRAINT recent_errors_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.request_keys
    ADD CONSTRAINT request_keys_pkey PRIMARY KEY (user_id, key);

ALTER TABLE ONLY public.tiers
    ADD CONSTRAINT tiers_pkey PRIMARY KEY (tier);

ALTER TABLE ONLY public.user_symbols
    ADD CONSTRAINT user_symbols_once UNIQUE (user_id, symbol, timeframe);

ALTER TABLE ONLY public.user_symbols
    ADD CONSTRAINT user_symbols_pkey PRIMARY KEY (id);

CREATE INDEX agent_calls_age ON public.agent_calls USING btree (created_at);

CREATE INDEX agent_calls_by_hold ON public.agent_calls USING btree (hold_id);

CREATE INDEX audit_log_newest ON public.audit_log USING btree (created_at DESC);

CREATE INDEX audit_log_results ON public.audit_log USING btree (result_of) WHERE (result_of IS NOT NULL);

CREATE INDEX conversations_by_user ON public.conversations USING btree (user_id, updated_at DESC);

CREATE INDEX credit_holds_by_user ON public.credit_holds USING btree (user_id, created_at DESC);

CREATE INDEX credit_holds_expiring ON public.credit_holds USING btree (expires_at) WHERE (state = 'held'::text);

CREATE INDEX credits_ledger_by_user ON public.credits_ledger USING btree (user_id, id DESC);

CREATE INDEX messages_by_conversation ON public.messages USING btree (conversation_id, created_at, id);

CREATE INDEX messages_by_hold ON public.messages USING btree (hold_id) WHERE (hold_id IS NOT NULL);

CREATE INDEX messages_by_user ON public.messages USING btree (user_id);

CREATE INDEX outbox_delivered ON public.outbox USING btree (delivered_at) WHERE (delivered_at IS NOT NULL);

CREATE INDEX outbox_of_user ON public.outbox USING btree (user_id, id DESC);

CREATE INDEX outbox_parked ON public.outbox USING btree (id) WHERE (parked_at IS NOT NULL);

CREATE INDEX outbox_references ON public.outbox USING btree (user_id, created_at) WHERE ((payload ->> 'table'::text) = 'user_references'::text);

CREATE INDEX outbox_undelivered ON public.outbox USING btree (user_id, id) WHERE ((delivered_at IS NULL) AND (parked_at IS NULL));

CREATE INDEX profiles_tier ON public.profiles USING btree (tier);

CREATE INDEX recent_errors_newest ON public.recent_errors USING btree (occurred_at DESC);

CREATE INDEX request_keys_expiring ON public.request_keys USING btree (expires_at);

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE ON public.credits_ledger FOR EACH ROW EXECUTE FUNCTION private.refuse_change();

CREATE TRIGGER guard_user_symbol BEFORE INSERT OR UPDATE ON public.user_symbols FOR EACH ROW EXECUTE FUNCTION private.guard_user_symbol();

CREATE TRIGGER mark_new_reference AFTER INSERT ON public.credit_accounts FOR EACH ROW EXECUTE FUNCTION private.mark_by_user_id();

CREATE TRIGGER mark_reference AFTER UPDATE ON public.credit_accounts FOR EACH ROW WHEN ((new.balance IS DISTINCT FROM old.balance)) EXECUTE FUNCTION private.mark_by_user_id();

CREATE TRIGGER mark_reference AFTER UPDATE ON public.profiles FOR EACH ROW WHEN ((new.tier IS DISTINCT FROM old.tier)) EXECUTE FUNCTION private.mark_by_user_id();

CREATE TRIGGER notify_outbox AFTER INSERT ON public.outbox FOR EACH STATEMENT EXECUTE FUNCTION private.notify_outbox();

CREATE TRIGGER relay_user_symbol AFTER INSERT OR DELETE OR UPDATE ON public.user_symbols FOR EACH ROW EXECUTE FUNCTION private.relay_user_symbol();

CREATE TRIGGER touch_updated_at BEFORE UPDATE ON public.profiles FOR EACH ROW EXECUTE FUNCTION private.touch_updated_at();

ALTER TABLE ONLY public.agent_calls
    ADD CONSTRAINT agent_calls_hold_id_fkey FOREIGN KEY (hold_id) REFERENCES public.credit_holds(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.agent_calls
    ADD CONSTRAINT agent_calls_user_id_fkey FOREIGN KEY (user_id) REFERENCES auth.users(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.audit_log
    ADD CONSTRAINT audit_log_result_of_fkey FOREIGN KEY (result_of) REFERENCES public.audit_log(id);

ALTER TABLE ONLY public.conversations
    ADD CONSTRAINT conversations_user_id_fkey FOREIGN KEY (user_id) REFERENCES auth.users(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.credit_accounts
    ADD CONSTRAINT credit_accounts_user_id_fkey FOREIGN KEY (user_id) REFERENCES auth.users(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.credit_holds
    ADD CONSTRAINT credit_holds_user_id_fkey FOREIGN KEY (user_id) REFERENCES auth.users(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.credits_ledger
    ADD CONSTRAINT credits_ledger_user_id_fkey FOREIGN KEY (user_id) REFERENCES auth.users(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.messages
    ADD CONSTRAINT messages_hold_id_fkey FOREIGN KEY (hold_id) REFERENCES public.credit_holds(id) ON DELETE SET NULL;

ALTER TABLE ONLY public.messages
    ADD CONSTRAINT messages_in_own_conversation FOREIGN KEY (conversation_id, user_id) REFERENCES public.conversations(id, user_id) ON DELETE CASCADE;

ALTER TABLE ONLY public.messages
    ADD CONSTRAINT messages_user_id_fkey FOREIGN KEY (user_id) REFERENCES auth.users(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.profiles
    ADD CONSTRAINT profiles_tier_fkey FOREIGN KEY (tier) REFERENCES public.tiers(tier);

ALTER TABLE ONLY public.profiles
    ADD CONSTRAINT profiles_user_id_fkey FOREIGN KEY (user_id) REFERENCES auth.users(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.request_keys
    ADD CONSTRAINT request_keys_user_id_fkey FOREIGN KEY (user_id) REFERENCES auth.users(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.user_symbols
    ADD CONSTRAINT user_symbols_user_id_fkey FOREIGN KEY (user_id) REFERENCES auth.users(id) ON DELETE CASCADE;

ALTER TABLE private.reference_marks ENABLE ROW LEVEL SECURITY;

CREATE POLICY worker_reads ON private.reference_marks FOR SELECT TO zmarty_worker USING (true);

ALTER TABLE public.agent_calls ENABLE ROW LEVEL SECURITY;

CREATE POLICY all_read ON public.tiers FOR SELECT TO anon, authenticated, zmarty_api, zmarty_worker USING (true);

CREATE POLICY api_appends ON public.audit_log FOR INSERT TO zmarty_api WITH CHECK (true);

CREATE POLICY api_keeps ON public.agent_calls TO zmarty_api USING (true) WITH CHECK (true);

CREATE POLICY api_keeps ON public.conversations TO zmarty_api USING (true) WITH CHECK (true);

CREATE POLICY api_keeps ON public.messages TO zmarty_api USING (true) WITH CHECK (true);

CREATE POLICY api_keeps ON public.profiles TO zmarty_api USING (true) WITH CHECK (true);

CREATE POLICY api_keeps ON public.recent_errors TO zmarty_api USING (true) WITH CHECK (true);

CREATE POLICY api_keeps ON public.request_keys TO zmarty_api USING (true) WITH CHECK (true);

CREATE POLICY api_reads ON public.audit_log FOR SELECT TO zmarty_api USING (true);

CREATE POLICY api_reads ON public.credit_accounts FOR SELECT TO zmarty_api USING (true);

CREATE POLICY api_reads ON public.credit_holds FOR SELECT TO zmarty_api USING (true);

CREATE POLICY api_reads ON public.credits_ledger FOR SELECT TO zmarty_api USING (true);

CREATE POLICY api_reads ON public.outbox FOR SELECT TO zmarty_api USING (true);

ALTER TABLE public.audit_log ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.conversations ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.credit_accounts ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.credit_holds ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.credits_ledger ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.messages ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.outbox ENABLE ROW LEVEL SECURITY;

CREATE POLICY owner_deletes ON public.conversations FOR DELETE TO authenticated USING ((( SELECT auth.uid() AS uid) = user_id));

CREATE POLICY owner_deletes ON public.user_symbols FOR DELETE TO authenticated USING ((( SELECT auth.uid() AS uid) = user_id));

CREATE POLICY owner_inserts ON public.user_symbols FOR INSERT TO authenticated WITH CHECK ((( SELECT auth.uid() AS uid) = user_id));

CREATE POLICY owner_rates ON public.messages FOR UPDATE TO authenticated USING ((( SELECT auth.uid() AS uid) = user_id)) WITH CHECK ((( SELECT auth.uid() AS uid) = user_id));

CREATE POLICY owner_reads ON public.conversations FOR SELECT TO authenticated USING ((( SELECT auth.uid() AS uid) = user_id));

CREATE POLICY owner_reads ON public.credit_accounts FOR SELECT TO authenticated USING ((( SELECT auth.uid() AS uid) = user_id));

CREATE POLICY owner_reads ON public.credit_holds FOR SELECT TO authenticated USING ((( SELECT auth.uid() AS uid) = user_id));

CREATE POLICY owner_reads ON public.credits_ledger FOR SELECT TO authenticated USING ((( SELECT auth.uid() AS uid) = user_id));

CREATE POLICY owner_reads ON public.messages FOR SELECT TO authenticated USING ((( SELECT auth.uid() AS uid) = user_id));

CREATE POLICY owner_reads ON public.profiles FOR SELECT TO authenticated USING ((( SELECT auth.uid() AS uid) = user_id));

CREATE POLICY owner_reads ON public.user_symbols FOR SELECT TO authenticated USING ((( SELECT auth.uid() AS uid) = user_id));

CREATE POLICY owner_renames ON public.conversations FOR UPDATE TO authenticated USING ((( SELECT auth.uid() AS uid) = user_id)) WITH CHECK ((( SELECT auth.uid() AS uid) = user_id));

CREATE POLICY owner_updates ON public.profiles FOR UPDATE TO authenticated USING ((( SELECT auth.uid() AS uid) = user_id)) WITH CHECK ((( SELECT auth.uid() AS uid) = user_id));

CREATE POLICY owner_updates ON public.user_symbols FOR UPDATE TO authenticated USING ((( SELECT auth.uid() AS uid) = user_id)) WITH CHECK ((( SELECT auth.uid() AS uid) = user_id));

ALTER TABLE public.profiles ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.recent_errors ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.request_keys ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.tiers ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.user_symbols ENABLE ROW LEVEL SECURITY;

CREATE POLICY worker_keeps ON public.recent_errors TO zmarty_worker USING (true) WITH CHECK (true);

CREATE POLICY worker_reads ON public.user_symbols FOR SELECT TO zmarty_worker USING (true);

CREATE POLICY worker_relays ON public.outbox TO zmarty_worker USING (true) WITH CHECK (true);

GRANT USAGE ON SCHEMA private TO zmarty_api;
GRANT USAGE ON SCHEMA private TO zmarty_worker;

GRANT USAGE ON SCHEMA public TO anon;
GRANT USAGE ON SCHEMA public TO authenticated;
GRANT USAGE ON SCHEMA public TO service_role;
GRANT CREATE ON SCHEMA public TO postgres;
GRANT USAGE ON SCHEMA public TO zmarty_api;
GRANT USAGE ON SCHEMA public TO zmarty_worker;

REVOKE ALL ON FUNCTION private.canonical_symbol(written text) FROM PUBLIC;

REVOKE ALL ON FUNCTION private.expire_holds(p_limit integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION private.forget_agent_calls(p_rows_max integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION private.grant_credits(p_user_id uuid, p_credits integer, p_key text, p_reason text, p_metadata jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION private.guard_user_symbol() FROM PUBLIC;

REVOKE ALL ON FUNCTION private.hold_credits(p_user_id uuid, p_credits integer, p_seconds integer, OUT hold_id uuid, OUT balance integer, OUT available integer) FROM PUBLIC;
GRANT ALL ON FUNCTION private.hold_credits(p_user_id uuid, p_credits integer, p_seconds integer, OUT hold_id uuid, OUT balance integer, OUT available integer) TO zmarty_api;

REVOKE ALL ON FUNCTION private.keep_up() FROM PUBLIC;

REVOKE ALL ON FUNCTION private.mark_by_id() FROM PUBLIC;

REVOKE ALL ON FUNCTION private.mark_by_user_id() FROM PUBLIC;

REVOKE ALL ON FUNCTION private.mark_reference(p_user_id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION private.mirror_references(p_users_max integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION private.notify_outbox() FROM PUBLIC;

REVOKE ALL ON FUNCTION private.outrun_version(p_version bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION private.recent_cron_runs(limit_runs integer) FROM PUBLIC;
GRANT ALL ON FUNCTION private.recent_cron_runs(limit_runs integer) TO zmarty_api;
GRANT ALL ON FUNCTION private.recent_cron_runs(limit_runs integer) TO zmarty_worker;

REVOKE ALL ON FUNCTION private.reference_snapshots(p_user_ids uuid[]) FROM PUBLIC;
GRANT ALL ON FUNCTION private.reference_snapshots(p_user_ids uuid[]) TO zmarty_worker;

REVOKE ALL ON FUNCTION private.refuse_change() FROM PUBLIC;

REVOKE ALL ON FUNCTION private.refuse_clash(names text[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION private.relay_user_symbol() FROM PUBLIC;

REVOKE ALL ON FUNCTION private.release_hold(p_hold_id uuid, p_state text) FROM PUBLIC;
GRANT ALL ON FUNCTION private.release_hold(p_hold_id uuid, p_state text) TO zmarty_api;

REVOKE ALL ON FUNCTION private.repair_reference(p_user_id uuid, p_version bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION private.repair_reference(p_user_id uuid, p_version bigint) TO zmarty_worker;

REVOKE ALL ON FUNCTION private.repair_watchers(p_user_id uuid, p_symbols text[], p_timeframes text[], p_version bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION private.repair_watchers(p_user_id uuid, p_symbols text[], p_timeframes text[], p_version bigint) TO zmarty_worker;

REVOKE ALL ON FUNCTION private.resolve_hold(p_hold_id uuid, p_state text, p_charged integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION private.retry_outbox(row_ids bigint[]) FROM PUBLIC;
GRANT ALL ON FUNCTION private.retry_outbox(row_ids bigint[]) TO zmarty_api;

REVOKE ALL ON FUNCTION private.retry_parked(p_rows_max integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION private.settle_hold(p_hold_id uuid, p_credits integer, p_provider text, p_model text, p_input_tokens integer, p_output_tokens integer, p_reason text, p_metadata jsonb, OUT charged integer, OUT balance integer, OUT available integer, OUT state text) FROM PUBLIC;
GRANT ALL ON FUNCTION private.settle_hold(p_hold_id uuid, p_credits integer, p_provider text, p_model text, p_input_tokens integer, p_output_tokens integer, p_reason text, p_metadata jsonb, OUT charged integer, OUT balance integer, OUT available integer, OUT state text) TO zmarty_api;

REVOKE ALL ON FUNCTION private.touch_updated_at() FROM PUBLIC;

REVOKE ALL ON FUNCTION private.users_after(p_user_id uuid, p_users_max integer) FROM PUBLIC;
GRANT ALL ON FUNCTION private.users_after(p_user_id uuid, p_users_max integer) TO zmarty_worker;

REVOKE ALL ON FUNCTION private.welcome(p_user_id uuid, p_metadata jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION private.welcome_new_user() FROM PUBLIC;

GRANT SELECT ON TABLE private.reference_marks TO zmarty_worker;

GRANT ALL ON TABLE public.agent_calls TO service_role;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.agent_calls TO zmarty_api;

GRANT ALL ON TABLE public.audit_log TO service_role;
GRANT SELECT,INSERT ON TABLE public.audit_log TO zmarty_api;

GRANT ALL ON SEQUENCE public.audit_log_id_seq TO anon;
GRANT ALL ON SEQUENCE public.audit_log_id_seq TO authenticated;
GRANT ALL ON SEQUENCE public.audit_log_id_seq TO service_role;

GRANT ALL ON TABLE public.conversations TO service_role;
GRANT SELECT,DELETE ON TABLE public.conversations TO authenticated;
GRANT SELECT,INSERT,UPDATE ON TABLE public.conversations TO zmarty_api;

GRANT UPDATE(title) ON TABLE public.conversations TO authenticated;

GRANT ALL ON TABLE public.credit_accounts TO service_role;
GRANT SELECT ON TABLE public.credit_accounts TO authenticated;
GRANT SELECT ON TABLE public.credit_accounts TO zmarty_api;

GRANT ALL ON TABLE public.credits_ledger TO service_role;
GRANT SELECT ON TABLE public.credits_ledger TO authenticated;
GRANT SELECT ON TABLE public.credits_ledger TO zmarty_api;

GRANT ALL ON TABLE public.credit_balance TO service_role;
GRANT SELECT ON TABLE public.credit_balance TO authenticated;
GRANT SELECT ON TABLE public.credit_balance TO zmarty_api;

GRANT ALL ON TABLE public.credit_holds TO service_role;
GRANT SELECT ON TABLE public.credit_holds TO authenticated;
GRANT SELECT ON TABLE public.credit_holds TO zmarty_api;

GRANT ALL ON SEQUENCE public.credits_ledger_id_seq TO anon;
GRANT ALL ON SEQUENCE public.credits_ledger_id_seq TO authenticated;
GRANT ALL ON SEQUENCE public.credits_ledger_id_seq TO service_role;

GRANT ALL ON TABLE public.messages TO service_role;
GRANT SELECT ON TABLE public.messages TO authenticated;
GRANT SELECT,INSERT,UPDATE ON TABLE public.messages TO zmarty_api;

GRANT UPDATE(rating) ON TABLE public.messages TO authenticated;

GRANT UPDATE(rating_comment) ON TABLE public.messages TO authenticated;

GRANT UPDATE(rated_at) ON TABLE public.messages TO authenticated;

GRANT ALL ON TABLE public.outbox TO service_role;
GRANT SELECT,UPDATE ON TABLE public.outbox TO zmarty_worker;
GRANT SELECT ON TABLE public.outbox TO zmarty_api;

GRANT ALL ON SEQUENCE public.outbox_id_seq TO anon;
GRANT ALL ON SEQUENCE public.outbox_id_seq TO authenticated;
GRANT ALL ON SEQUENCE public.outbox_id_seq TO service_role;

GRANT ALL ON TABLE public.profiles TO service_role;
GRANT SELECT ON TABLE public.profiles TO authenticated;
GRANT SELECT,UPDATE ON TABLE public.profiles TO zmarty_api;

GRANT UPDATE(full_name) ON TABLE public.profiles TO authenticated;

GRANT UPDATE(display_name) ON TABLE public.profiles TO authenticated;

GRANT UPDATE(avatar_url) ON TABLE public.profiles TO authenticated;

GRANT UPDATE(bio) ON TABLE public.profiles TO authenticated;

GRANT UPDATE(trading_experience) ON TABLE public.profiles TO authenticated;

GRANT UPDATE(risk_tolerance) ON TABLE public.profiles TO authenticated;

GRANT UPDATE(preferred_pairs) ON TABLE public.profiles TO authenticated;

GRANT UPDATE(notification_preferences) ON TABLE public.profiles TO authenticated;

GRANT UPDATE(language) ON TABLE public.profiles TO authenticated;

GRANT UPDATE(timezone) ON TABLE public.profiles TO authenticated;

GRANT ALL ON TABLE public.recent_errors TO service_role;
GRANT SELECT,INSERT,DELETE ON TABLE public.recent_errors TO zmarty_api;
GRANT SELECT,INSERT,DELETE ON TABLE public.recent_errors TO zmarty_worker;

GRANT ALL ON SEQUENCE public.recent_errors_id_seq TO anon;
GRANT ALL ON SEQUENCE public.recent_errors_id_seq TO authenticated;
GRANT ALL ON SEQUENCE public.recent_errors_id_seq TO service_role;

GRANT ALL ON TABLE public.request_keys TO service_role;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.request_keys TO zmarty_api;

GRANT ALL ON TABLE public.tiers TO service_role;
GRANT SELECT ON TABLE public.tiers TO anon;
GRANT SELECT ON TABLE public.tiers TO authenticated;
GRANT SELECT ON TABLE public.tiers TO zmarty_api;
GRANT SELECT ON TABLE public.tiers TO zmarty_worker;

GRANT ALL ON TABLE public.user_symbols TO service_role;
GRANT SELECT,DELETE ON TABLE public.user_symbols TO authenticated;
GRANT SELECT ON TABLE public.user_symbols TO zmarty_worker;

GRANT INSERT(user_id) ON TABLE public.user_symbols TO authenticated;

GRANT INSERT(symbol),UPDATE(symbol) ON TABLE public.user_symbols TO authenticated;

GRANT INSERT(timeframe),UPDATE(timeframe) ON TABLE public.user_symbols TO authenticated;

GRANT INSERT(strategy),UPDATE(strategy) ON TABLE public.user_symbols TO authenticated;

GRANT INSERT(active),UPDATE(active) ON TABLE public.user_symbols TO authenticated;

ALTER DEFAULT PRIVILEGES FOR ROLE postgres IN SCHEMA public GRANT ALL ON SEQUENCES  TO anon;
ALTER DEFAULT PRIVILEGES FOR ROLE postgres IN SCHEMA public GRANT ALL ON SEQUENCES  TO authenticated;
ALTER DEFAULT PRIVILEGES FOR ROLE postgres IN SCHEMA public GRANT ALL ON SEQUENCES  TO service_role;

ALTER DEFAULT PRIVILEGES FOR ROLE postgres IN SCHEMA public GRANT ALL ON FUNCTIONS  TO anon;
ALTER DEFAULT PRIVILEGES FOR ROLE postgres IN SCHEMA public GRANT ALL ON FUNCTIONS  TO authenticated;
ALTER DEFAULT PRIVILEGES FOR ROLE postgres IN SCHEMA public GRANT ALL ON FUNCTIONS  TO service_role;

ALTER DEFAULT PRIVILEGES FOR ROLE postgres IN SCHEMA public GRANT ALL ON TABLES  TO anon;
ALTER DEFAULT PRIVILEGES FOR ROLE postgres IN SCHEMA public GRANT ALL ON TABLES  TO authenticated;
ALTER DEFAULT PRIVILEGES FOR ROLE postgres IN SCHEMA public GRANT ALL ON TABLES  TO service_role;
