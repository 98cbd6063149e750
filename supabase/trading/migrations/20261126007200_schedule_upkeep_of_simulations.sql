-- Simulations end, and the old ones go: their trades with them.
set local lock_timeout = '5s';

create function private.keep_up_simulations() returns void
language plpgsql
set search_path = ''
as $$
declare
  -- Each row takes up to five thousand trades with it.
  rows_max constant integer := 2000;
  kept constant interval := '90 days';
  silent_for constant interval := '1 day';
begin
  update public.simulations
  set state = 'failed', error = 'abandoned: nothing was heard of it for a day', ended_at = now(), updated_at = now()
  where id in (
    select id
    from public.simulations
    where ended_at is null and updated_at < now() - silent_for
    order by updated_at
    limit rows_max
  );
  delete from public.simulations
  where id in (
    select id from public.simulations where ended_at < now() - kept order by ended_at limit rows_max
  );
end
$$;

comment on function private.keep_up_simulations() is
  'Daily upkeep of simulations: silent ones fail, those that ended long ago go with their trades.';
revoke execute on function private.keep_up_simulations() from public;

select cron.schedule('upkeep-simulations', '41 3 * * *', 'select private.keep_up_simulations()');
