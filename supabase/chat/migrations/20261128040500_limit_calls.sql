-- How often and how many at once: buckets and leases that all instances of the API share. Lost in a crash, and nobody misses them.
set local lock_timeout = '5s';

-- Unlogged: a check must not wait for the disk, and after a crash every bucket is simply full again.
create unlogged table private.call_rates (
  subject text primary key,
  full_at timestamptz not null
)
with (fillfactor = 50);

comment on table private.call_rates is
  'Who calls, by user or address. full_at: when the bucket is full if nobody calls; what is missing now is (full_at - now) / step.';

create unlogged table private.stream_leases (
  id uuid primary key default gen_random_uuid(),
  subject text not null,
  expires_at timestamptz not null
);

comment on table private.stream_leases is
  'Streams that are open. Their instance renews them; when it dies, they end by themselves.';

create index stream_leases_by_subject on private.stream_leases (subject);

alter table private.call_rates enable row level security;
alter table private.stream_leases enable row level security;

create function private.admit_call(
  p_user_id uuid, p_is_operator boolean, p_address text, p_bucket text, p_multiple integer, p_signed_out integer,
  p_streams text, p_factor integer, p_lease_seconds integer,
  out admitted boolean, out per_minute integer, out remaining integer, out reset_seconds integer, out retry_seconds integer,
  out streams_max integer, out lease_id uuid
)
language plpgsql
security definer
set search_path = ''
as $$
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

comment on function private.admit_call(uuid, boolean, text, text, integer, integer, text, integer, integer) is
  'Take one call from the bucket of a user (or an address), and a lease where the call is a stream. One statement a check.';

create function private.renew_stream(p_lease_id uuid, p_lease_seconds integer) returns boolean
language sql
security definer
set search_path = ''
as $$
  update private.stream_leases
  set expires_at = clock_timestamp() + make_interval(secs => p_lease_seconds)
  where id = p_lease_id
  returning true;
$$;

create function private.end_stream(p_lease_id uuid) returns void
language sql
security definer
set search_path = ''
as $$
  delete from private.stream_leases where id = p_lease_id;
$$;

create function private.prune_limits() returns void
language plpgsql
set search_path = ''
as $$
declare
  rows_max constant integer := 100000;
begin
  delete from private.call_rates
  where subject in (select subject from private.call_rates where full_at < now() limit rows_max);
  delete from private.stream_leases
  where id in (select id from private.stream_leases where expires_at < now() limit rows_max);
end
$$;

comment on function private.prune_limits() is 'Forget full buckets and ended leases: a full bucket is what everybody starts with.';

revoke execute on function
  private.admit_call(uuid, boolean, text, text, integer, integer, text, integer, integer),
  private.renew_stream(uuid, integer),
  private.end_stream(uuid),
  private.prune_limits()
from public;
grant execute on function
  private.admit_call(uuid, boolean, text, text, integer, integer, text, integer, integer),
  private.renew_stream(uuid, integer),
  private.end_stream(uuid)
to zmarty_api;

select cron.schedule('prune-limits', '*/10 * * * *', 'select private.prune_limits()');
