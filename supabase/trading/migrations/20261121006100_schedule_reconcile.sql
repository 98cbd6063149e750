-- The mirror is compared with its origin every five minutes; a run that still waits unread absorbs the next one.
set local lock_timeout = '5s';

select queueing.create_queue('reconcile');

create function queueing.enqueue_reconcile() returns bigint
language sql
set search_path = ''
as $$
  select queueing.send_once('reconcile', '{}');
$$;

comment on function queueing.enqueue_reconcile() is 'Send one reconcile message for all users; null when one waits unread.';
revoke execute on function queueing.enqueue_reconcile() from public;

select cron.schedule('reconcile', '*/5 * * * *', 'select queueing.enqueue_reconcile()');
