-- Which symbols exist. A symbol that is no row here is unknown, and nothing is charged for asking about it.
set local lock_timeout = '5s';

create table public.instruments (
  symbol text primary key
    constraint instruments_symbol_canonical check (symbol ~ '^[A-Z0-9]{2,12}/[A-Z0-9]{2,12}$'),
  base text not null generated always as (split_part(symbol, '/', 1)) stored,
  quote text not null generated always as (split_part(symbol, '/', 2)) stored,
  active boolean not null default true,
  created_at timestamptz not null default now()
);

alter table public.instruments enable row level security;
revoke all on public.instruments from anon, authenticated;
grant select on public.instruments to zmarty_api;
grant select, insert, update on public.instruments to zmarty_worker;
create policy api_reads on public.instruments for select to zmarty_api using (true);
create policy worker_keeps on public.instruments to zmarty_worker using (true) with check (true);

insert into public.instruments (symbol)
select base || '/USDT'
from unnest(array[
  'BTC', 'ETH', 'BNB', 'SOL', 'XRP', 'ADA', 'DOGE', 'AVAX', 'DOT', 'LINK', 'LTC', 'TRX', 'TON', 'SHIB', 'BCH',
  'NEAR', 'UNI', 'APT', 'ICP', 'ETC', 'FIL', 'ATOM', 'ARB', 'OP', 'SUI', 'INJ', 'XLM', 'HBAR', 'VET', 'AAVE',
  'ALGO', 'SAND', 'MANA', 'AXS', 'EOS', 'XTZ', 'GRT', 'RUNE', 'FTM', 'PEPE', 'WIF', 'SEI', 'TIA', 'IMX', 'MKR',
  'CRV', 'LDO', 'SNX', 'DYDX', 'GALA'
]) as base
union all
select unnest(array['ETH/BTC', 'BNB/BTC', 'SOL/BTC', 'BTC/USDC', 'ETH/USDC', 'SOL/USDC', 'BTC/FDUSD', 'ETH/FDUSD']);
