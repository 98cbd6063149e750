-- Credits come in grants, each with its kind, its end and what is left of it; what a user had is their first one.
set local lock_timeout = '5s';

select private.refuse_clash(array['credit_grants']);

create table public.credit_grants (
  id bigint generated always as identity primary key,
  user_id uuid not null references auth.users (id) on delete cascade,
  kind text not null constraint credit_grants_kind_known check (kind in ('monthly', 'bonus', 'purchased')),
  credits integer not null constraint credit_grants_positive check (credits > 0),
  remaining integer not null constraint credit_grants_remaining_covered check (remaining between 0 and credits),
  expires_at timestamptz constraint credit_grants_monthly_ends check (kind <> 'monthly' or expires_at is not null),
  entry_id bigint unique references public.credits_ledger (id) on delete cascade,
  created_at timestamptz not null default now()
)
-- `remaining` changes with each charge and stands in no index, so that the new version stays on its page.
with (fillfactor = 70);

comment on column public.credit_grants.entry_id is
  'The entry that brought these credits; null for what an account held before there were grants.';

create index credit_grants_by_user on public.credit_grants (user_id, id);

alter table public.credits_ledger
  add column drawn jsonb,
  add column refund_of bigint references public.credits_ledger (id) on delete cascade;

comment on column public.credits_ledger.drawn is
  'For charge and expire: how much came from which grant, {"<grant id>": credits}. With it the grants can be rebuilt.';
comment on column public.credits_ledger.refund_of is 'The charge that a refund gives back.';

create index credits_ledger_refunds on public.credits_ledger (refund_of) where refund_of is not null;

alter table public.credit_accounts
  add column next_expiry timestamptz,
  add column spent integer not null default 0 constraint credit_accounts_spent_counted check (spent >= 0),
  add column spent_on date,
  add column low_since timestamptz;

comment on column public.credit_accounts.next_expiry is 'The earliest end of a grant with credits left; may be early, never late.';
comment on column public.credit_accounts.spent is 'Charged on the UTC day `spent_on`; what the limit of a day counts.';
comment on column public.credit_accounts.low_since is 'When the balance fell below 20; one crossing, one notice.';

create index credit_accounts_expiring on public.credit_accounts (next_expiry) where next_expiry is not null;

create function private.watch_balance() returns trigger
language plpgsql
set search_path = ''
as $$
declare
  low_credits constant integer := 20;
begin
  new.low_since := case when new.balance < low_credits then coalesce(new.low_since, now()) end;
  return new;
end
$$;
revoke execute on function private.watch_balance() from public;

create trigger watch_balance before insert on public.credit_accounts
for each row execute function private.watch_balance();
create trigger watch_changed_balance before update on public.credit_accounts
for each row when (new.balance is distinct from old.balance) execute function private.watch_balance();

do $$
begin
  -- Nobody moves credits while what is there becomes the first grant.
  lock table public.credit_accounts in share row exclusive mode;
  insert into public.credit_grants (user_id, kind, credits, remaining)
  select user_id, 'bonus', balance, balance from public.credit_accounts where balance > 0 order by user_id;
  update public.credit_accounts set low_since = now() where balance < 20;
end
$$;

alter table public.credit_grants enable row level security;
revoke all on public.credit_grants from anon, authenticated;
grant select on public.credit_grants to authenticated, zmarty_api;
create policy owner_reads on public.credit_grants for select to authenticated using ((select auth.uid()) = user_id);
create policy api_reads on public.credit_grants for select to zmarty_api using (true);
