-- The market is looked at every five minutes; a look that still waits unread absorbs the next one.
set local lock_timeout = '5s';

create function queueing.enqueue_observe_market() returns bigint
language sql
set search_path = ''
as $$
  select queueing.send_once('observe_market', '{}');
$$;

comment on function queueing.enqueue_observe_market() is 'Send one observe_market message; null when one waits unread.';
revoke execute on function queueing.enqueue_observe_market() from public;

select cron.schedule('observe-market', '*/5 * * * *', 'select queueing.enqueue_observe_market()');
