-- Answers that were spoken: whose they are and where their audio lies. The audio itself is in the private bucket `voice`.
set local lock_timeout = '5s';

create table public.voice_recordings (
  id uuid primary key,
  user_id uuid not null references auth.users (id) on delete cascade,
  -- No reference: the recording is written before its message, in the same transaction.
  message_id uuid not null,
  path text not null constraint voice_recordings_path_plain check (path ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}/[0-9a-f-]{36}\.mp3$'),
  byte_count integer not null constraint voice_recordings_not_empty check (byte_count > 0),
  character_count integer not null constraint voice_recordings_spoken check (character_count > 0),
  created_at timestamptz not null default now()
);

comment on table public.voice_recordings is 'Kept for seven days, like their audio; written with the settlement that charged them.';

create index voice_recordings_by_user on public.voice_recordings (user_id, created_at);
create index voice_recordings_age on public.voice_recordings (created_at);

alter table public.voice_recordings enable row level security;
revoke all on public.voice_recordings from anon, authenticated;
grant select on public.voice_recordings to authenticated;
create policy owner_reads on public.voice_recordings for select to authenticated using ((select auth.uid()) = user_id);
grant select, insert on public.voice_recordings to zmarty_api;
create policy api_keeps on public.voice_recordings to zmarty_api using (true) with check (true);

create function private.forget_voice(p_rows_max integer default 10000) returns integer
language plpgsql
set search_path = ''
as $$
declare
  kept constant interval := '7 days';
  forgotten integer;
begin
  delete from public.voice_recordings
  where id in (
    select id from public.voice_recordings where created_at < now() - kept order by created_at limit p_rows_max
  );
  get diagnostics forgotten = row_count;
  return forgotten;
end
$$;

comment on function private.forget_voice(integer) is
  'Delete recordings older than seven days, oldest first; returns how many. Their audio goes by the day in its path.';
revoke execute on function private.forget_voice(integer) from public;

select cron.schedule('forget-voice', '23 * * * *', 'select private.forget_voice()');
