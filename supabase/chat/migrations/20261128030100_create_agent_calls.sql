-- What agents asked under a key of their own, so that a repeated request is answered and charged once.
set local lock_timeout = '5s';

create table public.agent_calls (
  user_id uuid not null references auth.users (id) on delete cascade,
  key text not null constraint agent_calls_key_bounded check (char_length(key) between 1 and 255),
  body_sha256 text not null,
  hold_id uuid not null references public.credit_holds (id) on delete cascade,
  answer text constraint agent_calls_answer_bounded check (char_length(answer) <= 20000),
  created_at timestamptz not null default now(),
  primary key (user_id, key)
);

comment on table public.agent_calls is 'Calls over MCP with an Idempotency-Key; kept for a day. Without an answer the call is under way, or died.';

create index agent_calls_age on public.agent_calls (created_at);
create index agent_calls_by_hold on public.agent_calls (hold_id);

alter table public.agent_calls enable row level security;
revoke all on public.agent_calls from anon, authenticated;
grant select, insert, update, delete on public.agent_calls to zmarty_api;
create policy api_keeps on public.agent_calls to zmarty_api using (true) with check (true);

create function private.forget_agent_calls(p_rows_max integer default 10000) returns integer
language plpgsql
set search_path = ''
as $$
declare
  kept constant interval := '1 day';
  forgotten integer;
begin
  delete from public.agent_calls
  where (user_id, key) in (
    select user_id, key from public.agent_calls where created_at < now() - kept order by created_at limit p_rows_max
  );
  get diagnostics forgotten = row_count;
  return forgotten;
end
$$;

comment on function private.forget_agent_calls(integer) is 'Delete calls older than a day, oldest first; returns how many.';
revoke execute on function private.forget_agent_calls(integer) from public;

select cron.schedule('forget-agent-calls', '13 * * * *', 'select private.forget_agent_calls()');
