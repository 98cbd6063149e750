-- Each month a tier's credits, once: those that end with the month. Who moves up within it gets the difference.
set local lock_timeout = '5s';

create function private.grant_monthly_to(p_user_id uuid) returns integer
language plpgsql
security definer
set search_path = ''
as $$
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

comment on function private.grant_monthly_to(uuid) is
  'What a user''s tier still owes them for this month, at most once; moving down takes nothing back. Returns the credits granted.';

create function private.grant_monthly(p_limit integer default 20000) returns integer
language plpgsql
security definer
set search_path = ''
as $$
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

comment on function private.grant_monthly(integer) is 'Grant what is owed for this month to up to so many users; returns how many got some.';

revoke execute on function private.grant_monthly_to(uuid), private.grant_monthly(integer) from public;

-- Each day, for those who moved up meanwhile; in six rounds, so that no one transaction holds everybody's account.
select cron.schedule('grant-monthly', '7,17,27,37,47,57 0 * * *', 'select private.grant_monthly()');
