-- Users rename and delete their own conversations and say whether an answer was of use.
set local lock_timeout = '5s';

alter table public.messages
  add column rating text constraint messages_rating_known check (rating in ('up', 'down')),
  add column rating_comment text constraint messages_rating_comment_bounded check (char_length(rating_comment) <= 2000),
  add column rated_at timestamptz,
  -- Here as well as in the API, because clients may write directly.
  add constraint messages_answers_are_rated check (rating is null or role = 'assistant'),
  add constraint messages_rated_whole check (
    (rating is null) = (rated_at is null) and (rating_comment is null or rating is not null)
  );

grant update (rating, rating_comment, rated_at) on public.messages to authenticated;
create policy owner_rates on public.messages for update to authenticated
  using ((select auth.uid()) = user_id) with check ((select auth.uid()) = user_id);

-- What was said goes with its conversation; what was paid for it stays in the ledger.
grant update (title), delete on public.conversations to authenticated;
create policy owner_renames on public.conversations for update to authenticated
  using ((select auth.uid()) = user_id) with check ((select auth.uid()) = user_id);
create policy owner_deletes on public.conversations for delete to authenticated
  using ((select auth.uid()) = user_id);
