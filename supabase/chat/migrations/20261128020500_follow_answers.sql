-- Answers that are being written, and what each has told so far: whoever lost the stream follows it through any instance of the
-- API, and whoever wants it stopped says so through any. And answers that were written anew keep their earlier version.
set local lock_timeout = '5s';

create table public.answers_under_way (
  message_id uuid primary key,
  conversation_id uuid not null,
  user_id uuid not null references auth.users (id) on delete cascade,
  started_at timestamptz not null default now(),
  beat_at timestamptz not null default now(),
  stop_requested_at timestamptz,
  ended_at timestamptz,
  constraint answers_under_way_in_own_conversation
    foreign key (conversation_id, user_id) references public.conversations (id, user_id) on delete cascade
);

comment on column public.answers_under_way.beat_at is 'When its writer was last heard of; one that is silent for long is gone.';

create index answers_under_way_by_conversation on public.answers_under_way (conversation_id, user_id, started_at desc);
create index answers_under_way_by_user on public.answers_under_way (user_id);

create table public.answer_frames (
  message_id uuid not null references public.answers_under_way (message_id) on delete cascade,
  place integer not null,
  frames text not null,
  primary key (message_id, place)
);

comment on table public.answer_frames is 'The stream of an answer under way, in batches, as its own client gets it.';

alter table public.messages add column superseded_at timestamptz;
comment on column public.messages.superseded_at is 'When a newer answer to the same question took its place; models no longer read it.';

alter table public.answers_under_way enable row level security;
alter table public.answer_frames enable row level security;
revoke all on public.answers_under_way, public.answer_frames from anon, authenticated;
grant select, insert, update, delete on public.answers_under_way to zmarty_api;
grant select, insert on public.answer_frames to zmarty_api;
create policy api_keeps on public.answers_under_way to zmarty_api using (true) with check (true);
create policy api_keeps on public.answer_frames to zmarty_api using (true) with check (true);

create function private.forget_answers(rows_max integer default 10000) returns integer
language plpgsql
set search_path = ''
as $$
declare
  -- A client that comes back later than this reads the stored answer.
  kept constant interval := '5 minutes';
  silent_for constant interval := '15 minutes';
  forgotten integer;
begin
  delete from public.answers_under_way
  where message_id in (
    select message_id
    from public.answers_under_way
    where ended_at < now() - kept or beat_at < now() - silent_for
    limit rows_max
  );
  get diagnostics forgotten = row_count;
  return forgotten;
end
$$;

comment on function private.forget_answers(integer) is 'What was told of answers that have ended, or whose writer is gone; returns how many.';
revoke execute on function private.forget_answers(integer) from public;

select cron.schedule('forget-answers', '* * * * *', 'select private.forget_answers()');
