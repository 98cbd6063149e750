-- What a plan allows, and who a user is. Users edit their own profile, never their tier.
set local lock_timeout = '5s';

create table public.tiers (
  tier text primary key,
  requests_per_minute integer not null,
  concurrent_streams integer not null,
  tokens_max integer not null,
  symbols_max integer not null,
  credits_monthly integer not null,
  price_cap integer not null,
  voice boolean not null
);

comment on column public.tiers.tokens_max is 'Longest answer in tokens.';
comment on column public.tiers.price_cap is 'Most credits that one request may cost.';

insert into public.tiers
  (tier, requests_per_minute, concurrent_streams, tokens_max, symbols_max, credits_monthly, price_cap, voice)
values
  ('free', 10, 2, 1000, 5, 0, 20, false),
  ('starter', 30, 3, 2000, 20, 300, 50, true),
  ('pro', 100, 10, 4000, 50, 1000, 100, true),
  ('enterprise', 1000, 50, 8000, 500, 10000, 100, true);

create table public.profiles (
  user_id uuid primary key references auth.users (id) on delete cascade,
  tier text not null default 'free' references public.tiers (tier),
  full_name text constraint profiles_full_name_bounded check (char_length(full_name) <= 255),
  display_name text constraint profiles_display_name_bounded check (char_length(display_name) <= 100),
  avatar_url text constraint profiles_avatar_url_bounded check (char_length(avatar_url) <= 2000),
  bio text constraint profiles_bio_bounded check (char_length(bio) <= 2000),
  trading_experience text
    constraint profiles_experience_known check (trading_experience in ('beginner', 'intermediate', 'advanced', 'expert')),
  risk_tolerance smallint constraint profiles_risk_tolerance_bounded check (risk_tolerance between 1 and 5),
  preferred_pairs text[] not null default '{}'
    constraint profiles_preferred_pairs_bounded check (cardinality(preferred_pairs) <= 100),
  notification_preferences jsonb not null default '{}',
  language text not null default 'en' constraint profiles_language_bounded check (char_length(language) <= 10),
  timezone text not null default 'UTC' constraint profiles_timezone_bounded check (char_length(timezone) <= 50),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

create index profiles_tier on public.profiles (tier);

alter table public.tiers enable row level security;
alter table public.profiles enable row level security;
revoke all on public.tiers, public.profiles from anon, authenticated;

grant select on public.tiers to anon, authenticated, zmarty_api, zmarty_worker;
create policy all_read on public.tiers for select to anon, authenticated, zmarty_api, zmarty_worker using (true);

grant select on public.profiles to authenticated;
-- Column by column, so that no user can raise their own tier.
grant update (
  full_name, display_name, avatar_url, bio, trading_experience, risk_tolerance, preferred_pairs,
  notification_preferences, language, timezone
) on public.profiles to authenticated;
create policy owner_reads on public.profiles for select to authenticated using ((select auth.uid()) = user_id);
create policy owner_updates on public.profiles for update to authenticated
  using ((select auth.uid()) = user_id) with check ((select auth.uid()) = user_id);

grant select, update on public.profiles to zmarty_api;
create policy api_keeps on public.profiles to zmarty_api using (true) with check (true);

create function private.touch_updated_at() returns trigger
language plpgsql
set search_path = ''
as $$
begin
  new.updated_at := now();
  return new;
end
$$;
revoke execute on function private.touch_updated_at() from public;

create trigger touch_updated_at before update on public.profiles
for each row execute function private.touch_updated_at();
