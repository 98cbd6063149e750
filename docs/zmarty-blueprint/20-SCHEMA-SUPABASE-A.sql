-- Supabase A (chat) as its migrations leave it. Generated from supabase/chat/migrations
-- by `make pages`; do not edit. Fingerprint of the migrations: 5fcfb2a1792debfe

CREATE SCHEMA private;

CREATE SCHEMA public;

COMMENT ON SCHEMA public IS 'standard public schema';

CREATE FUNCTION private.admit_call(p_user_id uuid, p_is_operator boolean, p_address text, p_bucket text, p_multiple integer, p_signed_out integer, p_streams text, p_factor integer, p_lease_seconds integer, OUT admitted boolean, OUT per_minute integer, OUT remaining integer, OUT reset_seconds integer, OUT retry_seconds integer, OUT streams_max integer, OUT lease_id uuid) RETURNS record
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
declare
  caller constant text := p_bucket || ':' || coalesce(p_user_id::text, p_address);
  streams constant text := p_streams || ':' || p_user_id::text;
  moment constant timestamptz := clock_timestamp();
  step interval;
  filled_at timestamptz;
begin
  select tiers.requests_per_minute * p_multiple, tiers.concurrent_streams * p_factor
  into per_minute, streams_max
  from public.tiers
  where tier = case when p_is_operator then 'enterprise' else (
    select profiles.tier from public.profiles where profiles.user_id = p_user_id
  ) end;
  per_minute := coalesce(per_minute, p_signed_out) * p_factor;
  step := interval '1 minute' / per_minute;
  insert into private.call_rates as rate (subject, full_at)
  values (caller, moment + step)
  on conflict on constraint call_rates_pkey do update
  set full_at = greatest(rate.full_at, moment) + step
  -- A minute's worth is all that a bucket holds; an empty one is left alone, so that knocking does not keep it empty.
  where rate.full_at <= moment + interval '1 minute' - step
  returning rate.full_at into filled_at;
  admitted := found;
  if not admitted then
    select rate.full_at into filled_at from private.call_rates as rate where rate.subject = caller;
    retry_seconds := greatest(ceil(extract(epoch from filled_at + step - interval '1 minute' - moment)), 1);
  elsif streams is not null then
    -- One at a time for a user, so that two at once cannot both take the last place.
    perform pg_advisory_xact_lock(hashtextextended(streams, 0));
    delete from private.stream_leases as lease where lease.subject = streams and lease.expires_at < moment;
    insert into private.stream_leases (subject, expires_at)
    select streams, moment + make_interval(secs => p_lease_seconds)
    where (select count(*) from private.stream_leases as lease where lease.subject = streams) < streams_max
    returning id into lease_id;
  end if;
  remaining := greatest(floor(extract(epoch from moment + interval '1 minute' - filled_at) / extract(epoch from step)), 0);
  reset_seconds := greatest(ceil(extract(epoch from filled_at - moment)), 0);
end
$$;

COMMENT ON FUNCTION private.admit_call(p_user_id uuid, p_is_operator boolean, p_address text, p_bucket text, p_multiple integer, p_signed_out integer, p_streams text, p_factor integer, p_lease_seconds integer, OUT admitted boolean, OUT per_minute integer, OUT remaining integer, OUT reset_seconds integer, OUT retry_seconds integer, OUT streams_max integer, OUT lease_id uuid) IS 'Take one call from the bucket of a user (or an address), and a lease where the call is a stream. One statement a check.';

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

CREATE FUNCTION private.credit_differences(p_user_id uuid DEFAULT NULL::uuid, p_limit integer DEFAULT 1000) RETURNS TABLE(user_id uuid, subject text, recorded bigint, rebuilt bigint)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO ''
    AS $$
  with accounts as (
    select account.user_id, account.balance, account.held
    from public.credit_accounts as account
    where p_user_id is null or account.user_id = p_user_id
  ),
  entries as (
    select
      entry.user_id,
      sum(entry.amount) as total,
      -- What is written beside each entry, against what the entries before it make.
      count(*) filter (where entry.balance_after <> entry.running) as crooked
    from (
      select
        ledger.user_id, ledger.amount, ledger.balance_after,
        sum(ledger.amount) over (partition by ledger.user_id order by ledger.id) as running
      from public.credits_ledger as ledger
      where p_user_id is null or ledger.user_id = p_user_id
    ) as entry
    group by entry.user_id
  ),
  holds as (
    select hold.user_id, sum(hold.credits) as total
    from public.credit_holds as hold
    where hold.state = 'held' and (p_user_id is null or hold.user_id = p_user_id)
    group by hold.user_id
  ),
  draws as (
    select ledger.user_id, draw.key::bigint as grant_id, sum(draw.value::bigint) as total
    from public.credits_ledger as ledger
    cross join lateral jsonb_each_text(ledger.drawn) as draw
    where ledger.drawn is not null and (p_user_id is null or ledger.user_id = p_user_id)
    group by ledger.user_id, draw.key
  ),
  grants as (
    select
      granted.user_id, granted.id, granted.remaining, granted.credits - coalesce(draws.total, 0) as rebuilt
    from public.credit_grants as granted
    left join draws on draws.grant_id = granted.id and draws.user_id = granted.user_id
    where p_user_id is null or granted.user_id = p_user_id
  )
  select found.user_id, found.subject, found.recorded, found.rebuilt
  from (
    select accounts.user_id, 'balance' as subject, accounts.balance::bigint as recorded, coalesce(entries.total, 0)::bigint as rebuilt
    from accounts left join entries using (user_id)
    where accounts.balance <> coalesce(entries.total, 0)
    union all
    select accounts.user_id, 'held', accounts.held, coalesce(holds.total, 0)::bigint
    from accounts left join holds using (user_id)
    where accounts.held <> coalesce(holds.total, 0)
    union all
    select entries.user_id, 'running balances', entries.crooked, 0
    from entries
    where entries.crooked > 0
    union all
    select grants.user_id, 'grant ' || grants.id, grants.remaining, grants.rebuilt::bigint
    from grants
    where grants.remaining <> grants.rebuilt
    union all
    select accounts.user_id, 'grants in all', coalesce(sum(grants.rebuilt), 0)::bigint, coalesce(max(entries.total), 0)::bigint
    from accounts left join grants using (user_id) left join entries using (user_id)
    group by accounts.user_id
    having coalesce(sum(grants.rebuilt), 0) <> coalesce(max(entries.total), 0)
  ) as found
  order by found.user_id, found.subject
  limit p_limit;
$$;

COMMENT ON FUNCTION private.credit_differences(p_user_id uuid, p_limit integer) IS 'Where accounts and grants differ from what the entries and open holds make of them; no row: everything agrees.';

CREATE FUNCTION private.draw_credits(p_user_id uuid, p_credits integer, p_opened_at timestamp with time zone) RETURNS jsonb
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
declare
  due integer := p_credits;
  taken integer;
  taken_from bigint;
  source record;
  drawn jsonb := '{}';
begin
  -- Nearly always one grant pays for all of it, in one statement.
  update public.credit_grants
  set remaining = remaining - p_credits
  where remaining >= p_credits and id = (
    select id
    from public.credit_grants
    where user_id = p_user_id and remaining > 0 and (expires_at is null or expires_at > p_opened_at)
    order by expires_at nulls last, array_position(array['monthly', 'bonus', 'purchased'], kind), id
    limit 1
  )
  returning id into taken_from;
  if found then
    return jsonb_build_object(taken_from::text, p_credits);
  end if;
  for source in
    select id, remaining
    from public.credit_grants
    where user_id = p_user_id
      and remaining > 0
      -- A grant that had ended when the hold was made is kept for older holds, or waits to be written off.
      and (expires_at is null or expires_at > p_opened_at)
    order by expires_at nulls last, array_position(array['monthly', 'bonus', 'purchased'], kind), id
  loop
    taken := least(due, source.remaining);
    update public.credit_grants set remaining = remaining - taken where id = source.id;
    drawn := drawn || jsonb_build_object(source.id::text, taken);
    due := due - taken;
    exit when due = 0;
  end loop;
  if due > 0 then
    raise exception 'the grants of % hold % credits less than the account; see `zmarty reconcile credits`', p_user_id, due
      using errcode = 'data_corrupted';
  end if;
  return drawn;
end
$$;

COMMENT ON FUNCTION private.draw_credits(p_user_id uuid, p_credits integer, p_opened_at timestamp with time zone) IS 'Take credits from grants: soonest end first, then monthly before bonus before purchased, then oldest. The caller holds the account.';

CREATE FUNCTION private.end_stream(p_lease_id uuid) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO ''
    AS $$
  delete from private.stream_leases where id = p_lease_id;
$$;

CREATE FUNCTION private.expire_grants(p_limit integer DEFAULT 1000) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
declare
  owner_id uuid;
  written_off integer := 0;
begin
  for owner_id in
    select user_id from public.credit_accounts where next_expiry <= now() order by user_id limit p_limit
    -- Whoever is moving credits right now expires these grants themselves, or the next round does.
    for update skip locked
  loop
    written_off := written_off + private.expire_grants_of(owner_id);
  end loop;
  return written_off;
end
$$;

COMMENT ON FUNCTION private.expire_grants(p_limit integer) IS 'Write off the ended grants of up to so many users; returns the credits.';

CREATE FUNCTION private.expire_grants_of(p_user_id uuid) RETURNS integer
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
declare
  ended record;
  kept integer;
  kept_in_all integer := 0;
  written_off integer := 0;
  new_balance integer;
begin
  for ended in
    select id, remaining, expires_at
    from public.credit_grants
    where user_id = p_user_id and remaining > 0 and expires_at <= now()
    order by expires_at, array_position(array['monthly', 'bonus', 'purchased'], kind), id
  loop
    -- Holds made before a grant ended keep what they would draw from it; what they give back ends with them.
    select least(ended.remaining, greatest(coalesce(sum(credits), 0)::integer - kept_in_all, 0)) into kept
    from public.credit_holds
    where user_id = p_user_id and state = 'held' and created_at < ended.expires_at;
    kept_in_all := kept_in_all + kept;
    continue when kept = ended.remaining;
    update public.credit_grants set remaining = kept where id = ended.id;
    update public.credit_accounts
    set balance = balance - (ended.remaining - kept), updated_at = now()
    where user_id = p_user_id
    returning balance into new_balance;
    insert into public.credits_ledger (user_id, kind, amount, balance_after, idempotency_key, reason, drawn)
    values (
      p_user_id, 'expire', kept - ended.remaining, new_balance, 'expire:' || ended.id || ':' || kept, 'The grant has ended',
      jsonb_build_object(ended.id::text, ended.remaining - kept)
    );
    written_off := written_off + ended.remaining - kept;
  end loop;
  update public.credit_accounts
  set next_expiry = (
    select min(expires_at) from public.credit_grants where user_id = p_user_id and remaining > 0
  )
  where user_id = p_user_id;
  return written_off;
end
$$;

COMMENT ON FUNCTION private.expire_grants_of(p_user_id uuid) IS 'Write off what is left of the ended grants of a user, except what older holds keep. The caller holds the account.';

CREATE FUNCTION private.expire_holds(p_limit integer DEFAULT 1000) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
declare
  hold_ids uuid[];
  hold_id uuid;
  expired integer := 0;
begin
  -- All holds are locked before the first account; one that is being settled right now is left to its settlement.
  select array_agg(due.id order by due.user_id, due.id) into hold_ids
  from (
    select id, user_id
    from public.credit_holds
    where state = 'held' and expires_at < now()
    order by user_id, id
    limit p_limit
    for update skip locked
  ) as due;
  foreach hold_id in array coalesce(hold_ids, '{}') loop
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

CREATE FUNCTION private.forget_answers(rows_max integer DEFAULT 10000) RETURNS integer
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
declare
  -- A client that comes back later than this reads the stored answer.
  kept constant interval := '5 minutes';
  silent_for constant interval := '15 minutes';
  forgotten integer;
begin
  delete from public.answers_under_way
  where message_id in (
    select message_id
    from public.answers_under_way
    where ended_at < now() - kept or beat_at < now() - silent_for
    limit rows_max
  );
  get diagnostics forgotten = row_count;
  return forgotten;
end
$$;

COMMENT ON FUNCTION private.forget_answers(rows_max integer) IS 'What was told of answers that have ended, or whose writer is gone; returns how many.';

CREATE FUNCTION private.forget_cached_answers(p_rows_max integer DEFAULT 10000) RETURNS integer
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
declare
  kept constant interval := '5 minutes';
  forgotten integer;
begin
  delete from public.cached_answers
  where key in (
    select key from public.cached_answers where answered_at < now() - kept order by answered_at limit p_rows_max
  );
  get diagnostics forgotten = row_count;
  return forgotten;
end
$$;

COMMENT ON FUNCTION private.forget_cached_answers(p_rows_max integer) IS 'Delete answers that are too old to be given again, oldest first; returns how many.';

CREATE FUNCTION private.forget_voice(p_rows_max integer DEFAULT 10000) RETURNS integer
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
declare
  kept constant interval := '7 days';
  forgotten integer;
begin
  delete from public.voice_recordings
  where id in (
    select id from public.voice_recordings where created_at < now() - kept order by created_at limit p_rows_max
  );
  get diagnostics forgotten = row_count;
  return forgotten;
end
$$;

COMMENT ON FUNCTION private.forget_voice(p_rows_max integer) IS 'Delete recordings older than seven days, oldest first; returns how many. Their audio goes by the day in its path.';

CREATE FUNCTION private.grant_credits(p_user_id uuid, p_credits integer, p_key text, p_reason text, p_metadata jsonb DEFAULT '{}'::jsonb, p_kind text DEFAULT 'bonus'::text, p_expires_at timestamp with time zone DEFAULT NULL::timestamp with time zone) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
declare
  credits_max constant integer := 1000000;
  entry_id bigint;
  new_balance integer;
begin
  if p_credits is null or p_credits not between 1 and credits_max then
    raise exception 'credits: must be between 1 and %', credits_max using errcode = 'invalid_parameter_value';
  end if;
  insert into public.credit_accounts (user_id) values (p_user_id) on conflict (user_id) do nothing;
  perform from public.credit_accounts where user_id = p_user_id for update;
  select id into entry_id from public.credits_ledger where user_id = p_user_id and idempotency_key = p_key;
  if found then
    return entry_id;
  end if;
  if p_expires_at <= now() then
    raise exception 'expires_at: must lie in the future' using errcode = 'invalid_parameter_value';
  end if;
  update public.credit_accounts
  set balance = balance + p_credits, next_expiry = least(next_expiry, p_expires_at), updated_at = now()
  where user_id = p_user_id
  returning balance into new_balance;
  insert into public.credits_ledger (user_id, kind, amount, balance_after, idempotency_key, reason, metadata)
  values (p_user_id, 'grant', p_credits, new_balance, p_key, p_reason, p_metadata)
  returning id into entry_id;
  insert into public.credit_grants (user_id, kind, credits, remaining, expires_at, entry_id)
  values (p_user_id, p_kind, p_credits, p_credits, p_expires_at, entry_id);
  return entry_id;
end
$$;

COMMENT ON FUNCTION private.grant_credits(p_user_id uuid, p_credits integer, p_key text, p_reason text, p_metadata jsonb, p_kind text, p_expires_at timestamp with time zone) IS 'Add credits once for each key; returns the entry. A repeated key changes nothing and returns the first entry.';

CREATE FUNCTION private.grant_monthly(p_limit integer DEFAULT 20000) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
declare
  ends_at constant timestamptz := (date_trunc('month', now() at time zone 'utc') + interval '1 month') at time zone 'utc';
  owed_id uuid;
  users integer := 0;
begin
  for owed_id in
    select profiles.user_id
    from public.profiles
    join public.tiers using (tier)
    where tiers.credits_monthly > (
      select coalesce(sum(credits), 0)
      from public.credit_grants
      where credit_grants.user_id = profiles.user_id and kind = 'monthly' and expires_at = ends_at
    )
    order by profiles.user_id
    limit p_limit
  loop
    users := users + (private.grant_monthly_to(owed_id) > 0)::integer;
  end loop;
  return users;
end
$$;

COMMENT ON FUNCTION private.grant_monthly(p_limit integer) IS 'Grant what is owed for this month to up to so many users; returns how many got some.';

CREATE FUNCTION private.grant_monthly_to(p_user_id uuid) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
declare
  period constant text := to_char(now() at time zone 'utc', 'yyyy-mm');
  ends_at constant timestamptz := (date_trunc('month', now() at time zone 'utc') + interval '1 month') at time zone 'utc';
  name_of_tier text;
  monthly integer;
  granted integer;
begin
  select tiers.tier, tiers.credits_monthly into name_of_tier, monthly
  from public.profiles
  join public.tiers using (tier)
  where profiles.user_id = p_user_id;
  -- The account first, as everywhere: two at once must not both find nothing granted.
  insert into public.credit_accounts (user_id) values (p_user_id) on conflict (user_id) do nothing;
  perform from public.credit_accounts where user_id = p_user_id for update;
  select coalesce(sum(credits), 0) into granted
  from public.credit_grants
  where user_id = p_user_id and kind = 'monthly' and expires_at = ends_at;
  if coalesce(monthly, 0) <= granted then
    return 0;
  end if;
  perform private.grant_credits(
    p_user_id,
    monthly - granted,
    'monthly:' || p_user_id || ':' || period || case when granted > 0 then ':' || name_of_tier else '' end,
    'Credits of ' || period || ', ' || name_of_tier,
    jsonb_build_object('tier', name_of_tier, 'period', period),
    'monthly',
    ends_at
  );
  return monthly - granted;
end
$$;

COMMENT ON FUNCTION private.grant_monthly_to(p_user_id uuid) IS 'What a user''s tier still owes them for this month, at most once; moving down takes nothing back. Returns the credits granted.';

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

CREATE FUNCTION private.hold_credits(p_user_id uuid, p_credits integer, p_seconds integer, OUT hold_id uuid, OUT balance integer, OUT available integer, OUT limit_reached text, OUT limit_left integer) RETURNS record
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
#variable_conflict use_column
declare
  today constant date := (now() at time zone 'utc')::date;
  account public.credit_accounts;
  allowed public.spending_limits;
  used integer;
begin
  if p_credits is null or p_credits < 1 or p_seconds is null or p_seconds < 1 then
    raise exception 'a hold needs at least 1 credit and 1 second' using errcode = 'invalid_parameter_value';
  end if;
  select * into allowed from public.spending_limits where user_id = p_user_id;
  for attempt in 1..2 loop
    -- One conditional update under the account's lock. Holds count against the day as if they were charged.
    update public.credit_accounts
    set held = held + p_credits, updated_at = now()
    where user_id = p_user_id
      and credit_accounts.balance - held >= p_credits
      and (next_expiry is null or next_expiry > now() or attempt = 2)
      and (allowed.per_request is null or p_credits <= allowed.per_request)
      and (
        allowed.per_day is null
        or case when spent_on = today then spent else 0 end + held + p_credits <= allowed.per_day
      )
    returning credit_accounts.balance, credit_accounts.balance - held into hold_credits.balance, hold_credits.available;
    if found then
      insert into public.credit_holds (user_id, credits, expires_at)
      values (p_user_id, p_credits, now() + make_interval(secs => p_seconds))
      returning id into hold_credits.hold_id;
      return;
    end if;
    select * into account from public.credit_accounts where user_id = p_user_id for update;
    exit when not found or attempt = 2 or account.next_expiry is null or account.next_expiry > now();
    perform private.expire_grants_of(p_user_id);
  end loop;
  hold_credits.balance := account.balance;
  hold_credits.available := account.balance - account.held;
  used := account.held + (case when account.spent_on = today then account.spent else 0 end);
  if p_credits > allowed.per_request then
    hold_credits.limit_reached := 'per_request';
    hold_credits.limit_left := allowed.per_request;
  elsif used + p_credits > allowed.per_day then
    hold_credits.limit_reached := 'per_day';
    hold_credits.limit_left := greatest(allowed.per_day - used, 0);
  end if;
end
$$;

COMMENT ON FUNCTION private.hold_credits(p_user_id uuid, p_credits integer, p_seconds integer, OUT hold_id uuid, OUT balance integer, OUT available integer, OUT limit_reached text, OUT limit_left integer) IS 'Reserve credits until they are settled, released or expire. hold_id is null when fewer are available or a limit of the user is reached; nothing changed then.';

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

CREATE FUNCTION private.prune_limits() RETURNS void
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
declare
  rows_max constant integer := 100000;
begin
  delete from private.call_rates
  where subject in (select subject from private.call_rates where full_at < now() limit rows_max);
  delete from private.stream_leases
  where id in (select id from private.stream_leases where expires_at < now() limit rows_max);
end
$$;

COMMENT ON FUNCTION private.prune_limits() IS 'Forget full buckets and ended leases: a full bucket is what everybody starts with.';

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

CREATE FUNCTION private.refund_charge(p_entry_id bigint, p_credits integer, p_key text, p_reason text, p_metadata jsonb DEFAULT '{}'::jsonb) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
declare
  charge public.credits_ledger;
  entry_id bigint;
  refundable integer;
  new_balance integer;
begin
  select * into charge from public.credits_ledger where id = p_entry_id and kind = 'charge';
  if not found then
    raise exception 'entry_id: there is no charge %', p_entry_id using errcode = 'no_data_found';
  end if;
  perform from public.credit_accounts where user_id = charge.user_id for update;
  select id into entry_id from public.credits_ledger where user_id = charge.user_id and idempotency_key = p_key;
  if found then
    return entry_id;
  end if;
  select -charge.amount - coalesce(sum(amount), 0)::integer into refundable
  from public.credits_ledger
  where refund_of = p_entry_id;
  if coalesce(p_credits, refundable) not between 1 and refundable then
    raise exception 'credits: % of charge % can still be refunded', refundable, p_entry_id using errcode = 'ZM003';
  end if;
  refundable := coalesce(p_credits, refundable);
  update public.credit_accounts
  set balance = balance + refundable, updated_at = now()
  where user_id = charge.user_id
  returning balance into new_balance;
  insert into public.credits_ledger
    (user_id, kind, amount, balance_after, idempotency_key, provider, model, reason, metadata, refund_of)
  values (
    charge.user_id, 'refund', refundable, new_balance, p_key, charge.provider, charge.model, p_reason, p_metadata, p_entry_id
  )
  returning id into entry_id;
  -- What we give back never ends, whatever it was drawn from: the user had no chance to use it.
  insert into public.credit_grants (user_id, kind, credits, remaining, entry_id)
  values (charge.user_id, 'bonus', refundable, refundable, entry_id);
  return entry_id;
end
$$;

COMMENT ON FUNCTION private.refund_charge(p_entry_id bigint, p_credits integer, p_key text, p_reason text, p_metadata jsonb) IS 'Give back a charge or a part of it (null: all that is left of it) by an entry of its own, once for each key.';

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
  ends timestamptz;
begin
  if p_state not in ('released', 'expired') then
    raise exception 'a hold is released or it expires' using errcode = 'invalid_parameter_value';
  end if;
  owner_id := private.resolve_hold(p_hold_id, p_state, 0);
  if owner_id is null then
    return false;
  end if;
  update public.credit_accounts
  set held = held - (select credits from public.credit_holds where id = p_hold_id), updated_at = now()
  where user_id = owner_id
  returning next_expiry into ends;
  if ends <= now() then
    perform private.expire_grants_of(owner_id);
  end if;
  return true;
end
$$;

COMMENT ON FUNCTION private.release_hold(p_hold_id uuid, p_state text) IS 'Give a hold back uncharged; false when it was resolved already.';

CREATE FUNCTION private.renew_stream(p_lease_id uuid, p_lease_seconds integer) RETURNS boolean
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO ''
    AS $$
  update private.stream_leases
  set expires_at = clock_timestamp() + make_interval(secs => p_lease_seconds)
  where id = p_lease_id
  returning true;
$$;

CREATE FUNCTION private.repair_credits(p_user_id uuid) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
declare
  repaired integer := 0;
  touched integer;
begin
  perform from public.credit_accounts where user_id = p_user_id for update;
  -- The entries are the truth and stay untouched; what is derived from them is derived again.
  update public.credit_grants as granted
  set remaining = granted.credits - rebuilt.drawn
  from (
    select inner_grant.id, coalesce(sum((ledger.drawn ->> inner_grant.id::text)::integer), 0) as drawn
    from public.credit_grants as inner_grant
    left join public.credits_ledger as ledger
      on ledger.user_id = inner_grant.user_id and ledger.drawn ? inner_grant.id::text
    where inner_grant.user_id = p_user_id
    group by inner_grant.id
  ) as rebuilt
  where granted.id = rebuilt.id and granted.remaining <> granted.credits - rebuilt.drawn;
  get diagnostics repaired = row_count;
  update public.credit_accounts as account
  set balance = truth.balance, held = truth.held, updated_at = now(), next_expiry = (
    select min(expires_at) from public.credit_grants where user_id = p_user_id and remaining > 0
  )
  from (
    select
      coalesce((select sum(amount) from public.credits_ledger where user_id = p_user_id), 0)::integer as balance,
      coalesce((select sum(credits) from public.credit_holds where user_id = p_user_id and state = 'held'), 0)::integer as held
  ) as truth
  where account.user_id = p_user_id and (account.balance, account.held) is distinct from (truth.balance, truth.held);
  get diagnostics touched = row_count;
  return repaired + touched;
end
$$;

COMMENT ON FUNCTION private.repair_credits(p_user_id uuid) IS 'Derive a user''s account and grants from their entries and open holds again; returns how many rows changed. Entries are never touched.';

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

CREATE FUNCTION private.require_oneself(p_user_id uuid) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
begin
  -- PostgREST turns PT and three digits into a status.
  if p_user_id is null or auth.uid() is distinct from p_user_id then
    raise exception 'p_user_id: must be your own id' using errcode = 'PT403';
  end if;
end
$$;

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
  today constant date := (now() at time zone 'utc')::date;
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
  settle_hold.charged := least(p_credits, hold.credits);
  -- As private.resolve_hold does it: settle, release and expire share this one condition. A hold is locked before its account,
  -- everywhere: whoever waits for an account holds no other, and one lock fewer is written for each charge.
  update public.credit_holds
  set state = 'settled', charged = settle_hold.charged, resolved_at = now()
  where id = p_hold_id and credit_holds.state = 'held';
  if found then
    update public.credit_accounts
    set
      balance = balance - settle_hold.charged,
      held = held - hold.credits,
      spent = case when spent_on = today then spent else 0 end + settle_hold.charged,
      spent_on = today,
      updated_at = now()
    where user_id = hold.user_id
    returning * into account;
    if settle_hold.charged > 0 then
      insert into public.credits_ledger
        (user_id, kind, amount, balance_after, idempotency_key, provider, model, input_tokens, output_tokens, reason, metadata, drawn)
      values (
        hold.user_id, 'charge', -settle_hold.charged, account.balance, 'hold:' || p_hold_id, p_provider, p_model,
        p_input_tokens, p_output_tokens, p_reason,
        -- What the hold could not cover is not charged, and not hidden either.
        p_metadata || case when p_credits > hold.credits then jsonb_build_object('shortfall', p_credits - hold.credits)
                      else '{}'::jsonb end,
        private.draw_credits(hold.user_id, settle_hold.charged, hold.created_at)
      );
    end if;
    if account.next_expiry <= now() then
      account.balance := account.balance - private.expire_grants_of(hold.user_id);
    end if;
    settle_hold.state := 'settled';
  else
    select coalesce(credit_holds.charged, 0), credit_holds.state into settle_hold.charged, settle_hold.state
    from public.credit_holds
    where id = p_hold_id;
    select * into account from public.credit_accounts where user_id = hold.user_id;
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

CREATE FUNCTION private.watch_balance() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
declare
  low_credits constant integer := 20;
begin
  new.low_since := case when new.balance < low_credits then coalesce(new.low_since, now()) end;
  return new;
end
$$;

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

CREATE FUNCTION public.get_user_credits(p_user_id uuid) RETURNS integer
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO ''
    AS $$
begin
  perform private.require_oneself(p_user_id);
  return coalesce((select balance - held from public.credit_accounts where user_id = p_user_id), 0);
end
$$;

COMMENT ON FUNCTION public.get_user_credits(p_user_id uuid) IS 'What the signed-in user may spend now.';

CREATE FUNCTION public.spend_credits(p_user_id uuid, p_amount integer, p_description text, p_idempotency_key text DEFAULT NULL::text) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
declare
  amount_max constant integer := 100;
  length_max constant integer := 500;
  key_length_max constant integer := 255;
  entry public.credits_ledger;
  held record;
  left_over integer;
begin
  perform private.require_oneself(p_user_id);
  if p_amount is null or p_amount not between 1 and amount_max then
    raise exception 'p_amount: must be between 1 and %', amount_max using errcode = 'PT422';
  end if;
  if coalesce(char_length(btrim(p_description)), 0) not between 1 and length_max then
    raise exception 'p_description: must have 1 to % characters', length_max using errcode = 'PT422';
  end if;
  if char_length(p_idempotency_key) not between 1 and key_length_max then
    raise exception 'p_idempotency_key: must have 1 to % characters', key_length_max using errcode = 'PT422';
  end if;
  perform from public.credit_accounts where user_id = p_user_id for update;
  select * into entry
  from public.credits_ledger
  where user_id = p_user_id and kind = 'charge' and metadata ->> 'client_key' = p_idempotency_key;
  if found then
    if entry.amount <> -p_amount or entry.reason <> p_description then
      raise exception 'p_idempotency_key: belongs to another spending' using errcode = 'PT409';
    end if;
    return entry.balance_after;
  end if;
  -- The ledger's own verbs: the same locks, limits, grants and entries as an answer that is charged.
  select * into held from private.hold_credits(p_user_id, p_amount, 60);
  if held.limit_reached is not null then
    raise exception 'spending_limit_reached: your limit % leaves % credits', held.limit_reached, held.limit_left
      using errcode = 'PT402';
  end if;
  if held.hold_id is null then
    raise exception 'credits_exhausted: % needed, % available', p_amount, coalesce(held.available, 0) using errcode = 'PT402';
  end if;
  select balance into left_over
  from private.settle_hold(
    held.hold_id, p_amount, null, null, null, null, p_description,
    case when p_idempotency_key is null then '{}' else jsonb_build_object('client_key', p_idempotency_key) end
  );
  return left_over;
end
$$;

COMMENT ON FUNCTION public.spend_credits(p_user_id uuid, p_amount integer, p_description text, p_idempotency_key text) IS 'Charge the signed-in user 1 to 100 credits; returns the balance left. With a key it happens once, however often it is called.';

CREATE UNLOGGED TABLE private.call_rates (
    subject text NOT NULL,
    full_at timestamp with time zone NOT NULL
)
WITH (fillfactor='50');

COMMENT ON TABLE private.call_rates IS 'Who calls, by user or address. full_at: when the bucket is full if nobody calls; what is missing now is (full_at - now) / step.';

CREATE TABLE private.reference_marks (
    user_id uuid NOT NULL,
    marked_at timestamp with time zone DEFAULT now() NOT NULL
);

COMMENT ON TABLE private.reference_marks IS 'A user stands here from a change of tier, e-mail or balance on until a snapshot of them is in the outbox.';

CREATE UNLOGGED TABLE private.stream_leases (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    subject text NOT NULL,
    expires_at timestamp with time zone NOT NULL
);

COMMENT ON TABLE private.stream_leases IS 'Streams that are open. Their instance renews them; when it dies, they end by themselves.';

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

CREATE TABLE public.answer_frames (
    message_id uuid NOT NULL,
    place integer NOT NULL,
    frames text NOT NULL
);

COMMENT ON TABLE public.answer_frames IS 'The stream of an answer under way, in batches, as its own client gets it.';

CREATE TABLE public.answers_under_way (
    message_id uuid NOT NULL,
    conversation_id uuid NOT NULL,
    user_id uuid NOT NULL,
    started_at timestamp with time zone DEFAULT now() NOT NULL,
    beat_at timestamp with time zone DEFAULT now() NOT NULL,
    stop_requested_at timestamp with time zone,
    ended_at timestamp with time zone
);

COMMENT ON COLUMN public.answers_under_way.beat_at IS 'When its writer was last heard of; one that is silent for long is gone.';

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

CREATE TABLE public.cached_answers (
    key text NOT NULL,
    content text NOT NULL,
    provider text NOT NULL,
    model text NOT NULL,
    answered_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT cached_answers_content_bounded CHECK ((char_length(content) <= 200000)),
    CONSTRAINT cached_answers_key_hashed CHECK ((key ~ '^[0-9a-f]{64}$'::text))
);

COMMENT ON TABLE public.cached_answers IS 'The key is a hash of all that the model was told, so what one user''s history or profile changes is another answer. Nobody''s: no user is named.';

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
    next_expiry timestamp with time zone,
    spent integer DEFAULT 0 NOT NULL,
    spent_on date,
    low_since timestamp with time zone,
    CONSTRAINT credit_accounts_held_counted CHECK ((held >= 0)),
    CONSTRAINT credit_accounts_no_overdraft CHECK ((balance >= held)),
    CONSTRAINT credit_accounts_spent_counted CHECK ((spent >= 0))
);

COMMENT ON COLUMN public.credit_accounts.next_expiry IS 'The earliest end of a grant with credits left; may be early, never late.';

COMMENT ON COLUMN public.credit_accounts.spent IS 'Charged on the UTC day `spent_on`; what the limit of a day counts.';

COMMENT ON COLUMN public.credit_accounts.low_since IS 'When the balance fell below 20; one crossing, one notice.';

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
    drawn jsonb,
    refund_of bigint,
    CONSTRAINT credits_ledger_kind_known CHECK ((kind = ANY (ARRAY['grant'::text, 'charge'::text, 'refund'::text, 'expire'::text]))),
    CONSTRAINT credits_ledger_no_overdraft CHECK ((balance_after >= 0)),
    CONSTRAINT credits_ledger_sign_fits CHECK (
CASE
    WHEN (kind = ANY (ARRAY['grant'::text, 'refund'::text])) THEN (amount > 0)
    ELSE (amount < 0)
END)
);

COMMENT ON COLUMN public.credits_ledger.drawn IS 'For charge and expire: how much came from which grant, {"<grant id>": credits}. With it the grants can be rebuilt.';

COMMENT ON COLUMN public.credits_ledger.refund_of IS 'The charge that a refund gives back.';

CREATE VIEW public.credit_balance WITH (security_invoker='true') AS
 SELECT account.user_id,
    (COALESCE(( SELECT sum(entry.amount) AS sum
           FROM public.credits_ledger entry
          WHERE (entry.user_id = account.user_id)), (0)::bigint))::integer AS balance,
    account.held,
    (account.balance - account.held) AS available
   FROM public.credit_accounts account;

COMMENT ON VIEW public.credit_balance IS 'balance is the sum of the entries, not the account''s copy: that both agree is what reconcile checks.';

CREATE TABLE public.credit_grants (
    id bigint NOT NULL,
    user_id uuid NOT NULL,
    kind text NOT NULL,
    credits integer NOT NULL,
    remaining integer NOT NULL,
    expires_at timestamp with time zone,
    entry_id bigint,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT credit_grants_kind_known CHECK ((kind = ANY (ARRAY['monthly'::text, 'bonus'::text, 'purchased'::text]))),
    CONSTRAINT credit_grants_monthly_ends CHECK (((kind <> 'monthly'::text) OR (expires_at IS NOT NULL))),
    CONSTRAINT credit_grants_positive CHECK ((credits > 0)),
    CONSTRAINT credit_grants_remaining_covered CHECK (((remaining >= 0) AND (remaining <= credits)))
)
WITH (fillfactor='70');

COMMENT ON COLUMN public.credit_grants.entry_id IS 'The entry that brought these credits; null for what an account held before there were grants.';

ALTER TABLE public.credit_grants ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.credit_grants_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

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

CREATE VIEW public.credit_transactions WITH (security_invoker='true') AS
 SELECT entry.id,
    entry.user_id,
        CASE
            WHEN (entry.kind = 'charge'::text) THEN 'spend'::text
            WHEN ((entry.kind = 'grant'::text) AND (came.kind = 'bonus'::text)) THEN 'bonus'::text
            WHEN (entry.kind = 'grant'::text) THEN 'earn'::text
            ELSE entry.kind
        END AS type,
    entry.amount,
    entry.balance_after,
    entry.reason AS description,
    ((entry.metadata - 'actor'::text) - 'request'::text) AS metadata,
    entry.created_at
   FROM (public.credits_ledger entry
     LEFT JOIN public.credit_grants came ON ((came.entry_id = entry.id)));

COMMENT ON VIEW public.credit_transactions IS 'The ledger under the name and the types that the customer''s clients know.';

CREATE VIEW public.credits WITH (security_invoker='true') AS
 SELECT account.user_id AS id,
    account.user_id,
    account.balance,
    (COALESCE(moved.earned, (0)::bigint))::integer AS total_earned,
    (COALESCE(moved.spent, (0)::bigint))::integer AS total_spent,
    moved.last_refill_at,
    account.updated_at
   FROM (public.credit_accounts account
     LEFT JOIN LATERAL ( SELECT sum(entry.amount) FILTER (WHERE (entry.kind = ANY (ARRAY['grant'::text, 'refund'::text]))) AS earned,
            (- sum(entry.amount) FILTER (WHERE (entry.kind = 'charge'::text))) AS spent,
            max(entry.created_at) FILTER (WHERE (entry.kind = 'grant'::text)) AS last_refill_at
           FROM public.credits_ledger entry
          WHERE (entry.user_id = account.user_id)) moved ON (true));

COMMENT ON VIEW public.credits IS 'A user''s credits as the customer''s clients read them; credit_accounts and the ledger hold everything.';

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
    superseded_at timestamp with time zone,
    rating text,
    rating_comment text,
    rated_at timestamp with time zone,
    CONSTRAINT messages_answers_are_rated CHECK (((rating IS NULL) OR (role = 'assistant'::text))),
    CONSTRAINT messages_rated_whole CHECK ((((rating IS NULL) = (rated_at IS NULL)) AND ((rating_comment IS NULL) OR (rating IS NOT NULL)))),
    CONSTRAINT messages_rating_comment_bounded CHECK ((char_length(rating_comment) <= 2000)),
    CONSTRAINT messages_rating_known CHECK ((rating = ANY (ARRAY['up'::text, 'down'::text]))),
    CONSTRAINT messages_role_known CHECK ((role = ANY (ARRAY['user'::text, 'assistant'::text])))
);

COMMENT ON COLUMN public.messages.superseded_at IS 'When a newer answer to the same question took its place; models no longer read it.';

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

CREATE TABLE public.spending_limits (
    user_id uuid NOT NULL,
    per_request integer,
    per_day integer,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT spending_limits_day_bounded CHECK (((per_day >= 0) AND (per_day <= 1000000))),
    CONSTRAINT spending_limits_request_bounded CHECK (((per_request >= 1) AND (per_request <= 1000000)))
);

COMMENT ON COLUMN public.spending_limits.per_day IS 'Of a day in UTC. Zero stops all spending.';

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

CREATE TABLE public.voice_recordings (
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    message_id uuid NOT NULL,
    path text NOT NULL,
    byte_count integer NOT NULL,
    character_count integer NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT voice_recordings_not_empty CHECK ((byte_count > 0)),
    CONSTRAINT voice_recordings_path_plain CHECK ((path ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}/[0-9a-f-]{36}\.mp3$'::text)),
    CONSTRAINT voice_recordings_spoken CHECK ((character_count > 0))
);

COMMENT ON TABLE public.voice_recordings IS 'Kept for seven days, like their audio; written with the settlement that charged them.';

ALTER TABLE ONLY private.call_rates
    ADD CONSTRAINT call_rates_pkey PRIMARY KEY (subject);

ALTER TABLE ONLY private.reference_marks
    ADD CONSTRAINT reference_marks_pkey PRIMARY KEY (user_id);

ALTER TABLE ONLY private.stream_leases
    ADD CONSTRAINT stream_leases_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.agent_calls
    ADD CONSTRAINT agent_calls_pkey PRIMARY KEY (user_id, key);

ALTER TABLE ONLY public.answer_frames
    ADD CONSTRAINT answer_frames_pkey PRIMARY KEY (message_id, place);

ALTER TABLE ONLY public.answers_under_way
    ADD CONSTRAINT answers_under_way_pkey PRIMARY KEY (message_id);

ALTER TABLE ONLY public.audit_log
    ADD CONSTRAINT audit_log_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.cached_answers
    ADD CONSTRAINT cached_answers_pkey PRIMARY KEY (key);

ALTER TABLE ONLY public.conversations
    ADD CONSTRAINT conversations_owned UNIQUE (id, user_id);

ALTER TABLE ONLY public.conversations
    ADD CONSTRAINT conversations_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.credit_accounts
    ADD CONSTRAINT credit_accounts_pkey PRIMARY KEY (user_id);

ALTER TABLE ONLY public.credit_grants
    ADD CONSTRAINT credit_grants_entry_id_key UNIQUE (entry_id);

ALTER TABLE ONLY public.credit_grants
    ADD CONSTRAINT credit_grants_pkey PRIMARY KEY (id);

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

ALTER TABLE ONLY public.spending_limits
    ADD CONSTRAINT spending_limits_pkey PRIMARY KEY (user_id);

ALTER TABLE ONLY public.tiers
    ADD CONSTRAINT tiers_pkey PRIMARY KEY (tier);

ALTER TABLE ONLY public.user_symbols
    ADD CONSTRAINT user_symbols_once UNIQUE (user_id, symbol, timeframe);

ALTER TABLE ONLY public.user_symbols
    ADD CONSTRAINT user_symbols_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.voice_recordings
    ADD CONSTRAINT voice_recordings_pkey PRIMARY KEY (id);

CREATE INDEX stream_leases_by_subject ON private.stream_leases USING btree (subject);

CREATE INDEX agent_calls_age ON public.agent_calls USING btree (created_at);

CREATE INDEX agent_calls_by_hold ON public.agent_calls USING btree (hold_id);

CREATE INDEX answers_under_way_by_conversation ON public.answers_under_way USING btree (conversation_id, user_id, started_at DESC);

CREATE INDEX answers_under_way_by_user ON public.answers_under_way USING btree (user_id);

CREATE INDEX audit_log_newest ON public.audit_log USING btree (created_at DESC);

CREATE INDEX audit_log_results ON public.audit_log USING btree (result_of) WHERE (result_of IS NOT NULL);

CREATE INDEX cached_answers_age ON public.cached_answers USING btree (answered_at);

CREATE INDEX conversations_by_user ON public.conversations USING btree (user_id, updated_at DESC);

CREATE INDEX credit_accounts_expiring ON public.credit_accounts USING btree (next_expiry) WHERE (next_expiry IS NOT NULL);

CREATE INDEX credit_grants_by_user ON public.credit_grants USING btree (user_id, id);

CREATE INDEX credit_holds_by_user ON public.credit_holds USING btree (user_id, created_at DESC);

CREATE INDEX credit_holds_expiring ON public.credit_holds USING btree (expires_at) WHERE (state = 'held'::text);

CREATE INDEX credit_holds_open ON public.credit_holds USING btree (user_id) WHERE (state = 'held'::text);

CREATE INDEX credits_ledger_by_user ON public.credits_ledger USING btree (user_id, id DESC);

CREATE INDEX credits_ledger_client_keys ON public.credits_ledger USING btree (user_id, ((metadata ->> 'client_key'::text))) WHERE (metadata ? 'client_key'::text);

CREATE INDEX credits_ledger_refunds ON public.credits_ledger USING btree (refund_of) WHERE (refund_of IS NOT NULL);

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

CREATE INDEX voice_recordings_age ON public.voice_recordings USING btree (created_at);

CREATE INDEX voice_recordings_by_user ON public.voice_recordings USING btree (user_id, created_at);

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE ON public.credits_ledger FOR EACH ROW EXECUTE FUNCTION private.refuse_change();

CREATE TRIGGER guard_user_symbol BEFORE INSERT OR UPDATE ON public.user_symbols FOR EACH ROW EXECUTE FUNCTION private.guard_user_symbol();

CREATE TRIGGER mark_new_reference AFTER INSERT ON public.credit_accounts FOR EACH ROW EXECUTE FUNCTION private.mark_by_user_id();

CREATE TRIGGER mark_reference AFTER UPDATE ON public.credit_accounts FOR EACH ROW WHEN ((new.balance IS DISTINCT FROM old.balance)) EXECUTE FUNCTION private.mark_by_user_id();

CREATE TRIGGER mark_reference AFTER UPDATE ON public.profiles FOR EACH ROW WHEN ((new.tier IS DISTINCT FROM old.tier)) EXECUTE FUNCTION private.mark_by_user_id();

CREATE TRIGGER notify_outbox AFTER INSERT ON public.outbox FOR EACH STATEMENT EXECUTE FUNCTION private.notify_outbox();

CREATE TRIGGER relay_user_symbol AFTER INSERT OR DELETE OR UPDATE ON public.user_symbols FOR EACH ROW EXECUTE FUNCTION private.relay_user_symbol();

CREATE TRIGGER touch_updated_at BEFORE UPDATE ON public.profiles FOR EACH ROW EXECUTE FUNCTION private.touch_updated_at();

CREATE TRIGGER touch_updated_at BEFORE UPDATE ON public.spending_limits FOR EACH ROW EXECUTE FUNCTION private.touch_updated_at();

CREATE TRIGGER watch_balance BEFORE INSERT ON public.credit_accounts FOR EACH ROW EXECUTE FUNCTION private.watch_balance();

CREATE TRIGGER watch_changed_balance BEFORE UPDATE ON public.credit_accounts FOR EACH ROW WHEN ((new.balance IS DISTINCT FROM old.balance)) EXECUTE FUNCTION private.watch_balance();

ALTER TABLE ONLY public.agent_calls
    ADD CONSTRAINT agent_calls_hold_id_fkey FOREIGN KEY (hold_id) REFERENCES public.credit_holds(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.agent_calls
    ADD CONSTRAINT agent_calls_user_id_fkey FOREIGN KEY (user_id) REFERENCES auth.users(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.answer_frames
    ADD CONSTRAINT answer_frames_message_id_fkey FOREIGN KEY (message_id) REFERENCES public.answers_under_way(message_id) ON DELETE CASCADE;

ALTER TABLE ONLY public.answers_under_way
    ADD CONSTRAINT answers_under_way_in_own_conversation FOREIGN KEY (conversation_id, user_id) REFERENCES public.conversations(id, user_id) ON DELETE CASCADE;

ALTER TABLE ONLY public.answers_under_way
    ADD CONSTRAINT answers_under_way_user_id_fkey FOREIGN KEY (user_id) REFERENCES auth.users(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.audit_log
    ADD CONSTRAINT audit_log_result_of_fkey FOREIGN KEY (result_of) REFERENCES public.audit_log(id);

ALTER TABLE ONLY public.conversations
    ADD CONSTRAINT conversations_user_id_fkey FOREIGN KEY (user_id) REFERENCES auth.users(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.credit_accounts
    ADD CONSTRAINT credit_accounts_user_id_fkey FOREIGN KEY (user_id) REFERENCES auth.users(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.credit_grants
    ADD CONSTRAINT credit_grants_entry_id_fkey FOREIGN KEY (entry_id) REFERENCES public.credits_ledger(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.credit_grants
    ADD CONSTRAINT credit_grants_user_id_fkey FOREIGN KEY (user_id) REFERENCES auth.users(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.credit_holds
    ADD CONSTRAINT credit_holds_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.credit_accounts(user_id) ON DELETE CASCADE;

ALTER TABLE ONLY public.credits_ledger
    ADD CONSTRAINT credits_ledger_refund_of_fkey FOREIGN KEY (refund_of) REFERENCES public.credits_ledger(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.credits_ledger
    ADD CONSTRAINT credits_ledger_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.credit_accounts(user_id) ON DELETE CASCADE;

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

ALTER TABLE ONLY public.spending_limits
    ADD CONSTRAINT spending_limits_user_id_fkey FOREIGN KEY (user_id) REFERENCES auth.users(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.user_symbols
    ADD CONSTRAINT user_symbols_user_id_fkey FOREIGN KEY (user_id) REFERENCES auth.users(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.voice_recordings
    ADD CONSTRAINT voice_recordings_user_id_fkey FOREIGN KEY (user_id) REFERENCES auth.users(id) ON DELETE CASCADE;

ALTER TABLE private.call_rates ENABLE ROW LEVEL SECURITY;

ALTER TABLE private.reference_marks ENABLE ROW LEVEL SECURITY;

ALTER TABLE private.stream_leases ENABLE ROW LEVEL SECURITY;

CREATE POLICY worker_reads ON private.reference_marks FOR SELECT TO zmarty_worker USING (true);

ALTER TABLE public.agent_calls ENABLE ROW LEVEL SECURITY;

CREATE POLICY all_read ON public.tiers FOR SELECT TO anon, authenticated, zmarty_api, zmarty_worker USING (true);

ALTER TABLE public.answer_frames ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.answers_under_way ENABLE ROW LEVEL SECURITY;

CREATE POLICY api_appends ON public.audit_log FOR INSERT TO zmarty_api WITH CHECK (true);

CREATE POLICY api_keeps ON public.agent_calls TO zmarty_api USING (true) WITH CHECK (true);

CREATE POLICY api_keeps ON public.answer_frames TO zmarty_api USING (true) WITH CHECK (true);

CREATE POLICY api_keeps ON public.answers_under_way TO zmarty_api USING (true) WITH CHECK (true);

CREATE POLICY api_keeps ON public.cached_answers TO zmarty_api USING (true) WITH CHECK (true);

CREATE POLICY api_keeps ON public.conversations TO zmarty_api USING (true) WITH CHECK (true);

CREATE POLICY api_keeps ON public.messages TO zmarty_api USING (true) WITH CHECK (true);

CREATE POLICY api_keeps ON public.profiles TO zmarty_api USING (true) WITH CHECK (true);

CREATE POLICY api_keeps ON public.recent_errors TO zmarty_api USING (true) WITH CHECK (true);

CREATE POLICY api_keeps ON public.request_keys TO zmarty_api USING (true) WITH CHECK (true);

CREATE POLICY api_keeps ON public.spending_limits TO zmarty_api USING (true) WITH CHECK (true);

CREATE POLICY api_keeps ON public.voice_recordings TO zmarty_api USING (true) WITH CHECK (true);

CREATE POLICY api_reads ON public.audit_log FOR SELECT TO zmarty_api USING (true);

CREATE POLICY api_reads ON public.credit_accounts FOR SELECT TO zmarty_api USING (true);

CREATE POLICY api_reads ON public.credit_grants FOR SELECT TO zmarty_api USING (true);

CREATE POLICY api_reads ON public.credit_holds FOR SELECT TO zmarty_api USING (true);

CREATE POLICY api_reads ON public.credits_ledger FOR SELECT TO zmarty_api USING (true);

CREATE POLICY api_reads ON public.outbox FOR SELECT TO zmarty_api USING (true);

ALTER TABLE public.audit_log ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.cached_answers ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.conversations ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.credit_accounts ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.credit_grants ENABLE ROW LEVEL SECURITY;

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

CREATE POLICY owner_reads ON public.credit_grants FOR SELECT TO authenticated USING ((( SELECT auth.uid() AS uid) = user_id));

CREATE POLICY owner_reads ON public.credit_holds FOR SELECT TO authenticated USING ((( SELECT auth.uid() AS uid) = user_id));

CREATE POLICY owner_reads ON public.credits_ledger FOR SELECT TO authenticated USING ((( SELECT auth.uid() AS uid) = user_id));

CREATE POLICY owner_reads ON public.messages FOR SELECT TO authenticated USING ((( SELECT auth.uid() AS uid) = user_id));

CREATE POLICY owner_reads ON public.profiles FOR SELECT TO authenticated USING ((( SELECT auth.uid() AS uid) = user_id));

CREATE POLICY owner_reads ON public.spending_limits FOR SELECT TO authenticated USING ((( SELECT auth.uid() AS uid) = user_id));

CREATE POLICY owner_reads ON public.user_symbols FOR SELECT TO authenticated USING ((( SELECT auth.uid() AS uid) = user_id));

CREATE POLICY owner_reads ON public.voice_recordings FOR SELECT TO authenticated USING ((( SELECT auth.uid() AS uid) = user_id));

CREATE POLICY owner_renames ON public.conversations FOR UPDATE TO authenticated USING ((( SELECT auth.uid() AS uid) = user_id)) WITH CHECK ((( SELECT auth.uid() AS uid) = user_id));

CREATE POLICY owner_updates ON public.profiles FOR UPDATE TO authenticated USING ((( SELECT auth.uid() AS uid) = user_id)) WITH CHECK ((( SELECT auth.uid() AS uid) = user_id));

CREATE POLICY owner_updates ON public.user_symbols FOR UPDATE TO authenticated USING ((( SELECT auth.uid() AS uid) = user_id)) WITH CHECK ((( SELECT auth.uid() AS uid) = user_id));

ALTER TABLE public.profiles ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.recent_errors ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.request_keys ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.spending_limits ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.tiers ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.user_symbols ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.voice_recordings ENABLE ROW LEVEL SECURITY;

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

REVOKE ALL ON FUNCTION private.admit_call(p_user_id uuid, p_is_operator boolean, p_address text, p_bucket text, p_multiple integer, p_signed_out integer, p_streams text, p_factor integer, p_lease_seconds integer, OUT admitted boolean, OUT per_minute integer, OUT remaining integer, OUT reset_seconds integer, OUT retry_seconds integer, OUT streams_max integer, OUT lease_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION private.admit_call(p_user_id uuid, p_is_operator boolean, p_address text, p_bucket text, p_multiple integer, p_signed_out integer, p_streams text, p_factor integer, p_lease_seconds integer, OUT admitted boolean, OUT per_minute integer, OUT remaining integer, OUT reset_seconds integer, OUT retry_seconds integer, OUT streams_max integer, OUT lease_id uuid) TO zmarty_api;

REVOKE ALL ON FUNCTION private.canonical_symbol(written text) FROM PUBLIC;

REVOKE ALL ON FUNCTION private.credit_differences(p_user_id uuid, p_limit integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION private.draw_credits(p_user_id uuid, p_credits integer, p_opened_at timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION private.end_stream(p_lease_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION private.end_stream(p_lease_id uuid) TO zmarty_api;

REVOKE ALL ON FUNCTION private.expire_grants(p_limit integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION private.expire_grants_of(p_user_id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION private.expire_holds(p_limit integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION private.forget_agent_calls(p_rows_max integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION private.forget_answers(rows_max integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION private.forget_cached_answers(p_rows_max integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION private.forget_voice(p_rows_max integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION private.grant_credits(p_user_id uuid, p_credits integer, p_key text, p_reason text, p_metadata jsonb, p_kind text, p_expires_at timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION private.grant_credits(p_user_id uuid, p_credits integer, p_key text, p_reason text, p_metadata jsonb, p_kind text, p_expires_at timestamp with time zone) TO zmarty_api;

REVOKE ALL ON FUNCTION private.grant_monthly(p_limit integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION private.grant_monthly_to(p_user_id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION private.guard_user_symbol() FROM PUBLIC;

REVOKE ALL ON FUNCTION private.hold_credits(p_user_id uuid, p_credits integer, p_seconds integer, OUT hold_id uuid, OUT balance integer, OUT available integer, OUT limit_reached text, OUT limit_left integer) FROM PUBLIC;
GRANT ALL ON FUNCTION private.hold_credits(p_user_id uuid, p_credits integer, p_seconds integer, OUT hold_id uuid, OUT balance integer, OUT available integer, OUT limit_reached text, OUT limit_left integer) TO zmarty_api;

REVOKE ALL ON FUNCTION private.keep_up() FROM PUBLIC;

REVOKE ALL ON FUNCTION private.mark_by_id() FROM PUBLIC;

REVOKE ALL ON FUNCTION private.mark_by_user_id() FROM PUBLIC;

REVOKE ALL ON FUNCTION private.mark_reference(p_user_id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION private.mirror_references(p_users_max integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION private.notify_outbox() FROM PUBLIC;

REVOKE ALL ON FUNCTION private.outrun_version(p_version bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION private.prune_limits() FROM PUBLIC;

REVOKE ALL ON FUNCTION private.recent_cron_runs(limit_runs integer) FROM PUBLIC;
GRANT ALL ON FUNCTION private.recent_cron_runs(limit_runs integer) TO zmarty_api;
GRANT ALL ON FUNCTION private.recent_cron_runs(limit_runs integer) TO zmarty_worker;

REVOKE ALL ON FUNCTION private.reference_snapshots(p_user_ids uuid[]) FROM PUBLIC;
GRANT ALL ON FUNCTION private.reference_snapshots(p_user_ids uuid[]) TO zmarty_worker;

REVOKE ALL ON FUNCTION private.refund_charge(p_entry_id bigint, p_credits integer, p_key text, p_reason text, p_metadata jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION private.refund_charge(p_entry_id bigint, p_credits integer, p_key text, p_reason text, p_metadata jsonb) TO zmarty_api;

REVOKE ALL ON FUNCTION private.refuse_change() FROM PUBLIC;

REVOKE ALL ON FUNCTION private.refuse_clash(names text[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION private.relay_user_symbol() FROM PUBLIC;

REVOKE ALL ON FUNCTION private.release_hold(p_hold_id uuid, p_state text) FROM PUBLIC;
GRANT ALL ON FUNCTION private.release_hold(p_hold_id uuid, p_state text) TO zmarty_api;

REVOKE ALL ON FUNCTION private.renew_stream(p_lease_id uuid, p_lease_seconds integer) FROM PUBLIC;
GRANT ALL ON FUNCTION private.renew_stream(p_lease_id uuid, p_lease_seconds integer) TO zmarty_api;

REVOKE ALL ON FUNCTION private.repair_credits(p_user_id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION private.repair_reference(p_user_id uuid, p_version bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION private.repair_reference(p_user_id uuid, p_version bigint) TO zmarty_worker;

REVOKE ALL ON FUNCTION private.repair_watchers(p_user_id uuid, p_symbols text[], p_timeframes text[], p_version bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION private.repair_watchers(p_user_id uuid, p_symbols text[], p_timeframes text[], p_version bigint) TO zmarty_worker;

REVOKE ALL ON FUNCTION private.require_oneself(p_user_id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION private.resolve_hold(p_hold_id uuid, p_state text, p_charged integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION private.retry_outbox(row_ids bigint[]) FROM PUBLIC;
GRANT ALL ON FUNCTION private.retry_outbox(row_ids bigint[]) TO zmarty_api;

REVOKE ALL ON FUNCTION private.retry_parked(p_rows_max integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION private.settle_hold(p_hold_id uuid, p_credits integer, p_provider text, p_model text, p_input_tokens integer, p_output_tokens integer, p_reason text, p_metadata jsonb, OUT charged integer, OUT balance integer, OUT available integer, OUT state text) FROM PUBLIC;
GRANT ALL ON FUNCTION private.settle_hold(p_hold_id uuid, p_credits integer, p_provider text, p_model text, p_input_tokens integer, p_output_tokens integer, p_reason text, p_metadata jsonb, OUT charged integer, OUT balance integer, OUT available integer, OUT state text) TO zmarty_api;

REVOKE ALL ON FUNCTION private.touch_updated_at() FROM PUBLIC;

REVOKE ALL ON FUNCTION private.users_after(p_user_id uuid, p_users_max integer) FROM PUBLIC;
GRANT ALL ON FUNCTION private.users_after(p_user_id uuid, p_users_max integer) TO zmarty_worker;

REVOKE ALL ON FUNCTION private.watch_balance() FROM PUBLIC;

REVOKE ALL ON FUNCTION private.welcome(p_user_id uuid, p_metadata jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION private.welcome_new_user() FROM PUBLIC;

REVOKE ALL ON FUNCTION public.get_user_credits(p_user_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION public.get_user_credits(p_user_id uuid) TO authenticated;
GRANT ALL ON FUNCTION public.get_user_credits(p_user_id uuid) TO service_role;

REVOKE ALL ON FUNCTION public.spend_credits(p_user_id uuid, p_amount integer, p_description text, p_idempotency_key text) FROM PUBLIC;
GRANT ALL ON FUNCTION public.spend_credits(p_user_id uuid, p_amount integer, p_description text, p_idempotency_key text) TO authenticated;
GRANT ALL ON FUNCTION public.spend_credits(p_user_id uuid, p_amount integer, p_description text, p_idempotency_key text) TO service_role;

GRANT SELECT ON TABLE private.reference_marks TO zmarty_worker;

GRANT ALL ON TABLE public.agent_calls TO service_role;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.agent_calls TO zmarty_api;

GRANT ALL ON TABLE public.answer_frames TO service_role;
GRANT SELECT,INSERT ON TABLE public.answer_frames TO zmarty_api;

GRANT ALL ON TABLE public.answers_under_way TO service_role;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.answers_under_way TO zmarty_api;

GRANT ALL ON TABLE public.audit_log TO service_role;
GRANT SELECT,INSERT ON TABLE public.audit_log TO zmarty_api;

GRANT ALL ON SEQUENCE public.audit_log_id_seq TO anon;
GRANT ALL ON SEQUENCE public.audit_log_id_seq TO authenticated;
GRANT ALL ON SEQUENCE public.audit_log_id_seq TO service_role;

GRANT ALL ON TABLE public.cached_answers TO service_role;
GRANT SELECT,INSERT,UPDATE ON TABLE public.cached_answers TO zmarty_api;

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

GRANT ALL ON TABLE public.credit_grants TO service_role;
GRANT SELECT ON TABLE public.credit_grants TO authenticated;
GRANT SELECT ON TABLE public.credit_grants TO zmarty_api;

GRANT ALL ON SEQUENCE public.credit_grants_id_seq TO anon;
GRANT ALL ON SEQUENCE public.credit_grants_id_seq TO authenticated;
GRANT ALL ON SEQUENCE public.credit_grants_id_seq TO service_role;

GRANT ALL ON TABLE public.credit_holds TO service_role;
GRANT SELECT ON TABLE public.credit_holds TO authenticated;
GRANT SELECT ON TABLE public.credit_holds TO zmarty_api;

GRANT ALL ON TABLE public.credit_transactions TO service_role;
GRANT SELECT ON TABLE public.credit_transactions TO authenticated;
GRANT SELECT ON TABLE public.credit_transactions TO zmarty_api;

GRANT ALL ON TABLE public.credits TO service_role;
GRANT SELECT ON TABLE public.credits TO authenticated;
GRANT SELECT ON TABLE public.credits TO zmarty_api;

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

GRANT ALL ON TABLE public.spending_limits TO service_role;
GRANT SELECT ON TABLE public.spending_limits TO authenticated;
GRANT SELECT,INSERT,UPDATE ON TABLE public.spending_limits TO zmarty_api;

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

GRANT ALL ON TABLE public.voice_recordings TO service_role;
GRANT SELECT ON TABLE public.voice_recordings TO authenticated;
GRANT SELECT,INSERT ON TABLE public.voice_recordings TO zmarty_api;

ALTER DEFAULT PRIVILEGES FOR ROLE postgres IN SCHEMA public GRANT ALL ON SEQUENCES  TO anon;
ALTER DEFAULT PRIVILEGES FOR ROLE postgres IN SCHEMA public GRANT ALL ON SEQUENCES  TO authenticated;
ALTER DEFAULT PRIVILEGES FOR ROLE postgres IN SCHEMA public GRANT ALL ON SEQUENCES  TO service_role;

ALTER DEFAULT PRIVILEGES FOR ROLE postgres IN SCHEMA public GRANT ALL ON FUNCTIONS  TO anon;
ALTER DEFAULT PRIVILEGES FOR ROLE postgres IN SCHEMA public GRANT ALL ON FUNCTIONS  TO authenticated;
ALTER DEFAULT PRIVILEGES FOR ROLE postgres IN SCHEMA public GRANT ALL ON FUNCTIONS  TO service_role;

ALTER DEFAULT PRIVILEGES FOR ROLE postgres IN SCHEMA public GRANT ALL ON TABLES  TO anon;
ALTER DEFAULT PRIVILEGES FOR ROLE postgres IN SCHEMA public GRANT ALL ON TABLES  TO authenticated;
ALTER DEFAULT PRIVILEGES FOR ROLE postgres IN SCHEMA public GRANT ALL ON TABLES  TO service_role;
