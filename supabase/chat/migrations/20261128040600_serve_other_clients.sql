-- Credits under the names that the customer's other clients know, with the ledger's guarantees, each user for themselves.
set local lock_timeout = '5s';

-- A project may hold tables of these names from before; those stay as they are, and so do the clients that read them.
do $$
begin
  if to_regclass('public.credits') is null then
    create view public.credits with (security_invoker = true) as
    select
      account.user_id as id,
      account.user_id,
      account.balance,
      coalesce(moved.earned, 0)::integer as total_earned,
      coalesce(moved.spent, 0)::integer as total_spent,
      moved.last_refill_at,
      account.updated_at
    from public.credit_accounts as account
    left join lateral (
      select
        sum(amount) filter (where kind in ('grant', 'refund')) as earned,
        -sum(amount) filter (where kind = 'charge') as spent,
        max(created_at) filter (where kind = 'grant') as last_refill_at
      from public.credits_ledger as entry
      where entry.user_id = account.user_id
    ) as moved on true;
    comment on view public.credits is 'A user''s credits as the customer''s clients read them; credit_accounts and the ledger hold everything.';
    revoke all on public.credits from anon, authenticated;
    grant select on public.credits to authenticated, zmarty_api;
  end if;
  if to_regclass('public.credit_transactions') is null then
    create view public.credit_transactions with (security_invoker = true) as
    select
      entry.id,
      entry.user_id,
      case
        when entry.kind = 'charge' then 'spend'
        when entry.kind = 'grant' and came.kind = 'bonus' then 'bonus'
        when entry.kind = 'grant' then 'earn'
        else entry.kind
      end as type,
      entry.amount,
      entry.balance_after,
      entry.reason as description,
      entry.metadata - 'actor' - 'request' as metadata,
      entry.created_at
    from public.credits_ledger as entry
    left join public.credit_grants as came on came.entry_id = entry.id;
    comment on view public.credit_transactions is 'The ledger under the name and the types that the customer''s clients know.';
    revoke all on public.credit_transactions from anon, authenticated;
    grant select on public.credit_transactions to authenticated, zmarty_api;
  end if;
  if to_regprocedure('public.get_user_credits(uuid)') is not null
    or to_regprocedure('public.spend_credits(uuid, integer, text)') is not null then
    raise exception 'Zmarty would clash with what this database holds already: get_user_credits or spend_credits'
      using errcode = 'duplicate_function', hint = 'Rename these functions, then run the migrations again. Nothing was changed.';
  end if;
end
$$;

create function private.require_oneself(p_user_id uuid) returns void
language plpgsql
set search_path = ''
as $$
begin
  -- PostgREST turns PT and three digits into a status.
  if p_user_id is null or auth.uid() is distinct from p_user_id then
    raise exception 'p_user_id: must be your own id' using errcode = 'PT403';
  end if;
end
$$;

create function public.get_user_credits(p_user_id uuid) returns integer
language plpgsql
stable
security definer
set search_path = ''
as $$
begin
  perform private.require_oneself(p_user_id);
  return coalesce((select balance - held from public.credit_accounts where user_id = p_user_id), 0);
end
$$;

comment on function public.get_user_credits(uuid) is 'What the signed-in user may spend now.';

create function public.spend_credits(
  p_user_id uuid, p_amount integer, p_description text, p_idempotency_key text default null
) returns integer
language plpgsql
security definer
set search_path = ''
as $$
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

comment on function public.spend_credits(uuid, integer, text, text) is
  'Charge the signed-in user 1 to 100 credits; returns the balance left. With a key it happens once, however often it is called.';

create index credits_ledger_client_keys on public.credits_ledger (user_id, (metadata ->> 'client_key'))
where metadata ? 'client_key';

revoke execute on function
  private.require_oneself(uuid),
  public.get_user_credits(uuid),
  public.spend_credits(uuid, integer, text, text)
from public, anon;
grant execute on function public.get_user_credits(uuid), public.spend_credits(uuid, integer, text, text) to authenticated;
