-- Candles by month. Partitions live in an unexposed schema, because row level security of a parent does not cover them.
set local lock_timeout = '5s';

create table public.candles (
  symbol text not null,
  timeframe text not null,
  opened_at timestamptz not null,
  exchange text not null,
  open numeric not null,
  high numeric not null,
  low numeric not null,
  close numeric not null,
  volume numeric not null,
  volume_usd numeric,
  trades_count bigint,
  vwap numeric,
  source text not null,
  created_at timestamptz not null default now(),
  primary key (symbol, timeframe, opened_at, exchange),
  constraint candles_prices_positive check (open > 0 and high > 0 and low > 0 and close > 0),
  constraint candles_range_holds check (low <= least(open, close) and greatest(open, close) <= high),
  constraint candles_volume_counted check (volume >= 0)
) partition by range (opened_at);

alter table public.candles enable row level security;
revoke all on public.candles from anon, authenticated;
grant select on public.candles to zmarty_api;
grant select, insert, update on public.candles to zmarty_worker;
create policy api_reads on public.candles for select to zmarty_api using (true);
create policy worker_keeps on public.candles to zmarty_worker using (true) with check (true);

-- A definer, so that the worker can make partitions without owning the table.
create function partitions.ensure_candle_partitions(first_at timestamptz, last_at timestamptz) returns integer
language plpgsql
security definer
set search_path = ''
set timezone = 'UTC'
as $$
declare
  months_max constant integer := 600;
  month_start timestamptz := date_trunc('month', first_at, 'UTC');
  partition_name text;
  created integer := 0;
begin
  if last_at < first_at or last_at > first_at + make_interval(months => months_max) then
    raise exception 'the range of candle partitions must be ordered and at most % months long', months_max
      using errcode = 'invalid_parameter_value';
  end if;
  -- Two workers may meet here on the first ingest of a month; the second one waits and finds the work done.
  perform pg_advisory_xact_lock(hashtext('partitions.ensure_candle_partitions'));
  while month_start <= last_at loop
    partition_name := 'candles_' || to_char(month_start, 'YYYY_MM');
    if to_regclass(format('partitions.%I', partition_name)) is null then
      execute format(
        'create table partitions.%I partition of public.candles for values from (%L) to (%L)',
        partition_name, month_start, month_start + interval '1 month'
      );
      execute format('alter table partitions.%I enable row level security', partition_name);
      created := created + 1;
    end if;
    month_start := month_start + interval '1 month';
  end loop;
  return created;
end
$$;

comment on function partitions.ensure_candle_partitions(timestamptz, timestamptz) is
  'Make the monthly partitions that candles opened in this range need; returns how many were missing. Call it before a write.';
revoke execute on function partitions.ensure_candle_partitions(timestamptz, timestamptz) from public;
grant execute on function partitions.ensure_candle_partitions(timestamptz, timestamptz) to zmarty_worker;

select partitions.ensure_candle_partitions(now(), now() + interval '2 months');
