-- The verbs of the ledger over grants: what is charged is drawn from what ends first; what ends is written off, never under a hold.
set local lock_timeout = '5s';

create function private.draw_credits(p_user_id uuid, p_credits integer, p_opened_at timestamptz) returns jsonb
language plpgsql
set search_path = ''
as $$
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

comment on function private.draw_credits(uuid, integer, timestamptz) is
  'Take credits from grants: soonest end first, then monthly before bonus before purchased, then oldest. The caller holds the account.';

create function private.expire_grants_of(p_user_id uuid) returns integer
language plpgsql
set search_path = ''
as $$
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

comment on function private.expire_grants_of(uuid) is
  'Write off what is left of the ended grants of a user, except what older holds keep. The caller holds the account.';

create function private.expire_grants(p_limit integer default 1000) returns integer
language plpgsql
security definer
set search_path = ''
as $$
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

comment on function private.expire_grants(integer) is 'Write off the ended grants of up to so many users; returns the credits.';

drop function private.grant_credits(uuid, integer, text, text, jsonb);

create function private.grant_credits(
  p_user_id uuid, p_credits integer, p_key text, p_reason text, p_metadata jsonb default '{}',
  p_kind text default 'bonus', p_expires_at timestamptz default null
) returns bigint
language plpgsql
security definer
set search_path = ''
as $$
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

comment on function private.grant_credits(uuid, integer, text, text, jsonb, text, timestamptz) is
  'Add credits once for each key; returns the entry. A repeated key changes nothing and returns the first entry.';

create function private.refund_charge(
  p_entry_id bigint, p_credits integer, p_key text, p_reason text, p_metadata jsonb default '{}'
) returns bigint
language plpgsql
security definer
set search_path = ''
as $$
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

comment on function private.refund_charge(bigint, integer, text, text, jsonb) is
  'Give back a charge or a part of it (null: all that is left of it) by an entry of its own, once for each key.';

drop function private.hold_credits(uuid, integer, integer);

create function private.hold_credits(
  p_user_id uuid, p_credits integer, p_seconds integer,
  out hold_id uuid, out balance integer, out available integer, out limit_reached text, out limit_left integer
)
language plpgsql
security definer
set search_path = ''
as $$
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

comment on function private.hold_credits(uuid, integer, integer) is
  'Reserve credits until they are settled, released or expire. hold_id is null when fewer are available or a limit of the user is reached; nothing changed then.';

create or replace function private.settle_hold(
  p_hold_id uuid, p_credits integer, p_provider text, p_model text, p_input_tokens integer, p_output_tokens integer,
  p_reason text, p_metadata jsonb default '{}',
  out charged integer, out balance integer, out available integer, out state text
)
language plpgsql
security definer
set search_path = ''
as $$
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

create or replace function private.release_hold(p_hold_id uuid, p_state text default 'released') returns boolean
language plpgsql
security definer
set search_path = ''
as $$
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

create or replace function private.expire_holds(p_limit integer default 1000) returns integer
language plpgsql
security definer
set search_path = ''
as $$
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

revoke execute on function
  private.draw_credits(uuid, integer, timestamptz),
  private.expire_grants_of(uuid),
  private.expire_grants(integer),
  private.grant_credits(uuid, integer, text, text, jsonb, text, timestamptz),
  private.refund_charge(bigint, integer, text, text, jsonb),
  private.hold_credits(uuid, integer, integer)
from public;
-- Granting and refunding are operators' routes of the API; it audits both in the same transaction.
grant execute on function
  private.grant_credits(uuid, integer, text, text, jsonb, text, timestamptz),
  private.refund_charge(bigint, integer, text, text, jsonb),
  private.hold_credits(uuid, integer, integer)
to zmarty_api;

select cron.schedule('expire-grants', '* * * * *', 'select private.expire_grants()');
