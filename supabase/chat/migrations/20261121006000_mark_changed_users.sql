-- Whose snapshot in the trading database is out of date: one mark a user, however much changes; never a NOTIFY.
set local lock_timeout = '5s';

create table private.reference_marks (
  user_id uuid primary key,
  marked_at timestamptz not null default now()
);

comment on table private.reference_marks is
  'A user stands here from a change of tier, e-mail or balance on until a snapshot of them is in the outbox.';

alter table private.reference_marks enable row level security;
grant select on private.reference_marks to zmarty_worker;
create policy worker_reads on private.reference_marks for select to zmarty_worker using (true);

create function private.mark_reference(p_user_id uuid) returns void
language plpgsql
security definer
set search_path = ''
as $$
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

comment on function private.mark_reference(uuid) is
  'Have the user mirrored with the next round. Whoever changes a user holds the mark until the change is committed.';

create function private.mark_by_user_id() returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  perform private.mark_reference(new.user_id);
  return null;
end
$$;

create function private.mark_by_id() returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  perform private.mark_reference(coalesce(new.id, old.id));
  return null;
end
$$;

revoke execute on function
  private.mark_reference(uuid), private.mark_by_user_id(), private.mark_by_id()
from public;

-- A hold moves no balance and marks nobody: the ledger pays for a mark where credits move, and for one a minute at most.
create trigger mark_reference after update on public.credit_accounts
for each row when (new.balance is distinct from old.balance) execute function private.mark_by_user_id();
create trigger mark_new_reference after insert on public.credit_accounts
for each row execute function private.mark_by_user_id();
create trigger mark_reference after update on public.profiles
for each row when (new.tier is distinct from old.tier) execute function private.mark_by_user_id();
create trigger zmarty_mark_reference after update on auth.users
for each row when (
  (new.email, new.banned_until, new.deleted_at) is distinct from (old.email, old.banned_until, old.deleted_at)
)
execute function private.mark_by_id();
create trigger zmarty_mark_left_reference after delete on auth.users
for each row execute function private.mark_by_id();

insert into private.reference_marks (user_id) select id from auth.users on conflict (user_id) do nothing;
