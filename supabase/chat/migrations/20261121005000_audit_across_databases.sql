-- An action in the trading database is audited here: its intent before, its result after. And parked changes can be retried.
set local lock_timeout = '5s';

alter table public.audit_log add column result_of bigint references public.audit_log (id);

comment on column public.audit_log.result_of is
  'The row that holds the intent. An intent without a result: the action may have happened; look at what it names.';

create index audit_log_results on public.audit_log (result_of) where result_of is not null;

create function private.retry_outbox(row_ids bigint[]) returns bigint[]
language plpgsql
security definer
set search_path = ''
as $$
declare
  rows_max constant integer := 1000;
  retried bigint[];
begin
  if row_ids is null or cardinality(row_ids) > rows_max or array_position(row_ids, null) is not null then
    raise exception 'name at most % rows at a time', rows_max using errcode = 'invalid_parameter_value';
  end if;
  -- Out of order by now, and harmless: the receiving side lets no older version win over a newer one.
  with unparked as (
    update public.outbox
    set parked_at = null, due_at = now(), attempts = 0, claimed_by = null, claimed_until = null
    where id = any (row_ids) and parked_at is not null and delivered_at is null
    returning id
  )
  select coalesce(array_agg(id order by id), '{}') into retried from unparked;
  if cardinality(retried) > 0 then
    perform pg_catalog.pg_notify('zmarty_outbox', '');
  end if;
  return retried;
end
$$;

comment on function private.retry_outbox(bigint[]) is
  'Give parked changes to the relay again; returns those that were parked.';
revoke execute on function private.retry_outbox(bigint[]) from public;
grant execute on function private.retry_outbox(bigint[]) to zmarty_api;
