-- Stretches for which an exchange was asked and has no candles: halts, and the time before a listing. They are not asked again.
set local lock_timeout = '5s';

select private.refuse_clash(array['candle_absences']);

create table public.candle_absences (
  symbol text not null,
  timeframe text not null,
  exchange text not null,
  first_opened_at timestamptz not null,
  last_opened_at timestamptz not null,
  seen_at timestamptz not null default now(),
  primary key (symbol, timeframe, exchange, first_opened_at),
  constraint candle_absences_ordered check (first_opened_at <= last_opened_at)
);

comment on table public.candle_absences is
  'Opening times, both ends included, for which an exchange has no candles. Forgotten after ninety days and then asked once more.';

create index candle_absences_seen on public.candle_absences (seen_at);

alter table public.candle_absences enable row level security;
revoke all on public.candle_absences from anon, authenticated;
grant select on public.candle_absences to zmarty_api;
grant select, insert, update, delete on public.candle_absences to zmarty_worker;
create policy api_reads on public.candle_absences for select to zmarty_api using (true);
create policy worker_keeps on public.candle_absences to zmarty_worker using (true) with check (true);

create function private.forget_absences() returns integer
language plpgsql
set search_path = ''
as $$
declare
  rows_max constant integer := 100000;
  kept constant interval := '90 days';
  forgotten integer;
begin
  delete from public.candle_absences
  where ctid = any(array(
    select ctid from public.candle_absences where seen_at < now() - kept order by seen_at limit rows_max
  ));
  get diagnostics forgotten = row_count;
  return forgotten;
end
$$;

comment on function private.forget_absences() is
  'Forget what was not seen for ninety days: an exchange may have filled it since. Returns how many stretches.';
revoke execute on function private.forget_absences() from public;

select cron.schedule('forget-absences', '41 3 * * *', 'select private.forget_absences()');
