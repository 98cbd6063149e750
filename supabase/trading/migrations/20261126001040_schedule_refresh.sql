-- Once a day the exchanges are asked what they list. A symbol that they dropped stays known, but is no longer traded.
set local lock_timeout = '5s';

alter table public.instruments add column refreshed_at timestamptz;

comment on column public.instruments.refreshed_at is 'When an exchange was last seen to list it.';

create function queueing.enqueue_refresh() returns bigint
language sql
set search_path = ''
as $$
  select queueing.send_once('refresh_instruments', '{}');
$$;

comment on function queueing.enqueue_refresh() is 'Send one refresh_instruments message; null when one waits unread.';
revoke execute on function queueing.enqueue_refresh() from public;

select cron.schedule('refresh-instruments', '11 2 * * *', 'select queueing.enqueue_refresh()');
