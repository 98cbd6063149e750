-- A charge pays for what it writes: fewer rows locked for each hold and settlement.
set local lock_timeout = '5s';

-- A row that refers to auth.users locks the user's row, and writes that lock to the log, for each hold and each entry.
-- Their account is locked by the verbs anyway, and goes when the user goes.
alter table public.credits_ledger
  drop constraint credits_ledger_user_id_fkey,
  add constraint credits_ledger_user_id_fkey
    foreign key (user_id) references public.credit_accounts (user_id) on delete cascade not valid;
alter table public.credits_ledger validate constraint credits_ledger_user_id_fkey;
alter table public.credit_holds
  drop constraint credit_holds_user_id_fkey,
  add constraint credit_holds_user_id_fkey
    foreign key (user_id) references public.credit_accounts (user_id) on delete cascade not valid;
alter table public.credit_holds validate constraint credit_holds_user_id_fkey;

-- What ends asks for a user's open holds under their account's lock; it must not walk past all those that were resolved.
create index credit_holds_open on public.credit_holds (user_id) where state = 'held';
