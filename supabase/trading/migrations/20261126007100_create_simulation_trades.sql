-- The trades of a simulation, one row each, in the order in which they were entered.
set local lock_timeout = '5s';

select private.refuse_clash(array['simulation_trades']);

create table public.simulation_trades (
  simulation_id uuid not null references public.simulations (id) on delete cascade,
  number integer not null constraint simulation_trades_numbered check (number >= 1),
  direction text not null constraint simulation_trades_direction_known check (direction in ('long', 'short')),
  kind text not null,
  confidence double precision,
  verdict text,
  opened_at timestamptz not null,
  entered_at timestamptz not null,
  entry_price double precision not null,
  paid_price double precision not null,
  stop_price double precision not null,
  target_price double precision not null,
  exited_at timestamptz not null,
  exit_price double precision not null,
  reason text not null constraint simulation_trades_reason_known
    check (reason in ('target', 'stop', 'expiry', 'open')),
  ambiguous boolean not null,
  bars integer not null,
  units double precision not null,
  notional double precision not null,
  return_net double precision not null,
  r_multiple double precision not null,
  pnl double precision not null,
  mfe double precision not null,
  mae double precision not null,
  primary key (simulation_id, number)
);

comment on table public.simulation_trades is
  'Trades nobody made: what a replay would have bought and sold. Prices are results of a calculation, not money.';

alter table public.simulation_trades enable row level security;
revoke all on public.simulation_trades from anon, authenticated;
grant select on public.simulation_trades to zmarty_api;
grant select, insert, delete on public.simulation_trades to zmarty_worker;
create policy api_reads on public.simulation_trades for select to zmarty_api using (true);
create policy worker_keeps on public.simulation_trades to zmarty_worker using (true) with check (true);
