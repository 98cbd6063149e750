-- Answers that may be given again: to the same question on the same facts, for five minutes, by any instance.
set local lock_timeout = '5s';

create table public.cached_answers (
  key text primary key constraint cached_answers_key_hashed check (key ~ '^[0-9a-f]{64}$'),
  content text not null constraint cached_answers_content_bounded check (char_length(content) <= 200000),
  provider text not null,
  model text not null,
  answered_at timestamptz not null default now()
);

comment on table public.cached_answers is
  'The key is a hash of all that the model was told, so what one user''s history or profile changes is another answer. Nobody''s: no user is named.';

create index cached_answers_age on public.cached_answers (answered_at);

alter table public.cached_answers enable row level security;
revoke all on public.cached_answers from anon, authenticated;
grant select, insert, update on public.cached_answers to zmarty_api;
create policy api_keeps on public.cached_answers to zmarty_api using (true) with check (true);

create function private.forget_cached_answers(p_rows_max integer default 10000) returns integer
language plpgsql
set search_path = ''
as $$
declare
  kept constant interval := '5 minutes';
  forgotten integer;
begin
  delete from public.cached_answers
  where key in (
    select key from public.cached_answers where answered_at < now() - kept order by answered_at limit p_rows_max
  );
  get diagnostics forgotten = row_count;
  return forgotten;
end
$$;

comment on function private.forget_cached_answers(integer) is
  'Delete answers that are too old to be given again, oldest first; returns how many.';
revoke execute on function private.forget_cached_answers(integer) from public;

select cron.schedule('forget-cached-answers', '*/5 * * * *', 'select private.forget_cached_answers()');
