-- Every user has a profile, an account and the 100 credits of a signup: new ones by a trigger, existing ones by this file.
set local lock_timeout = '5s';

create function private.welcome(p_user_id uuid, p_metadata jsonb) returns void
language plpgsql
security definer
set search_path = ''
as $$
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

create function private.welcome_new_user() returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  perform private.welcome(new.id, coalesce(new.raw_user_meta_data, '{}'));
  return new;
end
$$;

revoke execute on function private.welcome(uuid, jsonb), private.welcome_new_user() from public;

create trigger zmarty_welcome_new_user after insert on auth.users
for each row execute function private.welcome_new_user();

select private.welcome(id, coalesce(raw_user_meta_data, '{}')) from auth.users;
