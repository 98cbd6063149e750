-- Analyses that models wrote for users. The answer and its price are settled in the chat database; this row is its copy here.
set local lock_timeout = '5s';

select private.refuse_clash(array['ai_analysis']);

create table public.ai_analysis (
  id uuid primary key,
  user_id uuid not null,
  request_type text not null constraint ai_analysis_request_type_known
    check (request_type in ('market_analysis', 'portfolio_review', 'signal_generation')),
  query text not null constraint ai_analysis_query_bounded check (char_length(query) between 1 and 8000),
  ai_model text not null,
  provider text,
  response text not null constraint ai_analysis_response_bounded check (char_length(response) <= 200000),
  tokens_used integer not null constraint ai_analysis_tokens_counted check (tokens_used >= 0),
  credits_charged integer not null constraint ai_analysis_credits_counted check (credits_charged >= 0),
  processing_time_ms integer not null constraint ai_analysis_time_counted check (processing_time_ms >= 0),
  metadata jsonb not null default '{}' constraint ai_analysis_metadata_bounded check (pg_column_size(metadata) <= 65536),
  created_at timestamptz not null
);

comment on table public.ai_analysis is
  'The id is that of the message in the chat database, so that writing it again changes nothing. Kept for a year.';

create index ai_analysis_of_user on public.ai_analysis (user_id, created_at desc, id desc);
create index ai_analysis_age on public.ai_analysis (created_at);

alter table public.ai_analysis enable row level security;
revoke all on public.ai_analysis from anon, authenticated;
grant select, insert on public.ai_analysis to zmarty_api;
create policy api_keeps on public.ai_analysis to zmarty_api using (true) with check (true);

create function private.forget_analyses(p_rows_max integer default 5000) returns integer
language plpgsql
set search_path = ''
as $$
declare
  kept constant interval := '1 year';
  forgotten integer;
begin
  delete from public.ai_analysis
  where id in (
    select id from public.ai_analysis where created_at < now() - kept order by created_at limit p_rows_max
  );
  get diagnostics forgotten = row_count;
  return forgotten;
end
$$;

comment on function private.forget_analyses(integer) is 'Delete analyses older than a year, oldest first; returns how many.';
revoke execute on function private.forget_analyses(integer) from public;

select cron.schedule('forget-analyses', '47 3 * * *', 'select private.forget_analyses()');
