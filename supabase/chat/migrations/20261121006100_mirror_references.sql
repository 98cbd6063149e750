-- Each minute the marked users' snapshots go into the outbox, whose ids are their versions.
set local lock_timeout = '5s';

create function private.reference_snapshots(p_user_ids uuid[]) returns table (
  user_id uuid, email text, tier text, credits_balance integer, is_active boolean
)
language sql
stable
security definer
set search_path = ''
as $$
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

comment on function private.reference_snapshots(uuid[]) is 'What user_references in the trading database should say now.';

create function private.mirror_references(p_users_max integer default 5000) returns integer
language plpgsql
security definer
set search_path = ''
as $$
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

comment on function private.mirror_references(integer) is
  'Write a snapshot of each marked user into the outbox, at most one a minute for each; returns how many.';

create function private.users_after(p_user_id uuid, p_users_max integer) returns table (
  user_id uuid, email text, tier text, credits_balance integer, is_active boolean
)
language sql
stable
security definer
set search_path = ''
as $$
  select snapshot.user_id, snapshot.email, snapshot.tier, snapshot.credits_balance, snapshot.is_active
  from private.reference_snapshots(
    array(select login.id from auth.users as login where login.id > p_user_id order by login.id limit p_users_max)
  ) as snapshot
  order by snapshot.user_id;
$$;

comment on function private.users_after(uuid, integer) is 'The next users by id as user_references should have them.';

revoke execute on function
  private.reference_snapshots(uuid[]), private.users_after(uuid, integer), private.mirror_references(integer)
from public;
grant execute on function private.reference_snapshots(uuid[]), private.users_after(uuid, integer) to zmarty_worker;

-- When a user was mirrored last.
create index outbox_references on public.outbox (user_id, created_at) where payload ->> 'table' = 'user_references';

select cron.schedule('mirror-references', '* * * * *', 'select private.mirror_references()');
