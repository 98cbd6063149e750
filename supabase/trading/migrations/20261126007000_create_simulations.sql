-- What was simulated for whom: the question, how far it is, its summary and a curve of bounded length. Reports are kept here, too.
set local lock_timeout = '5s';

select private.refuse_clash(array['simulations']);

create table public.simulations (
  id uuid primary key,
  user_id uuid,
  kind text not null constraint simulations_kind_known
    check (kind in ('analyze', 'win_ratio', 'validate_pattern', 'assess_risk', 'report')),
  symbol text not null,
  timeframe text not null,
  request jsonb not null constraint simulations_request_bounded check (pg_column_size(request) <= 16384),
  state text not null default 'running'
    constraint simulations_state_known check (state in ('running', 'done', 'failed', 'cancelled')),
  summary jsonb constraint simulations_summary_bounded check (pg_column_size(summary) <= 65536),
  curve jsonb constraint simulations_curve_bounded check (jsonb_typeof(curve) = 'array' and jsonb_array_length(curve) <= 400),
  trades_count integer constraint simulations_trades_counted check (trades_count >= 0),
  error text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  ended_at timestamptz,
  constraint simulations_ended_once check ((state <> 'running') = (ended_at is not null))
);

comment on table public.simulations is 'A replay over history that a user asked for; its id is that of its job.';
comment on column public.simulations.trades_count is
  'All trades of the replay; simulation_trades keeps at most the newest 5000 of them.';

create index simulations_of_user on public.simulations (user_id, created_at desc, id desc);
create index simulations_ended on public.simulations (ended_at) where ended_at is not null;
create index simulations_running on public.simulations (updated_at) where ended_at is null;

alter table public.simulations enable row level security;
revoke all on public.simulations from anon, authenticated;
grant select on public.simulations to zmarty_api;
grant select, insert, update on public.simulations to zmarty_worker;
create policy api_reads on public.simulations for select to zmarty_api using (true);
create policy worker_keeps on public.simulations to zmarty_worker using (true) with check (true);
