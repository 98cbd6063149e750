-- name: conversations
-- No filter by user: row level security is the filter, and a test holds it to that.
select
  conversation.id, conversation.title, conversation.created_at, conversation.updated_at,
  (select count(*) from messages where messages.conversation_id = conversation.id) as message_count,
  (
    select left(messages.content, $5)
    from messages
    where messages.conversation_id = conversation.id
    order by messages.created_at desc, messages.id desc
    limit 1
  ) as excerpt
from conversations as conversation
where ($1::timestamptz is null or (conversation.updated_at, conversation.id) < ($1, $2::uuid))
  -- Not `like`: what somebody searches for holds no wildcards.
  and ($3::text is null or strpos(lower(conversation.title), lower($3)) > 0)
order by conversation.updated_at desc, conversation.id desc
limit $4;

-- name: conversation
select
  conversation.id, conversation.title, conversation.created_at, conversation.updated_at,
  (select count(*) from messages where messages.conversation_id = conversation.id) as message_count,
  (
    select left(messages.content, $2)
    from messages
    where messages.conversation_id = conversation.id
    order by messages.created_at desc, messages.id desc
    limit 1
  ) as excerpt
from conversations as conversation
where conversation.id = $1;

-- name: messages
select
  id, role, content, provider, model, credits, input_tokens, output_tokens, metadata ->> 'finish_reason' as finish_reason,
  coalesce(metadata -> 'signals', '[]') as signals, coalesce((metadata ->> 'cached')::boolean, false) as cached,
  (
    select recording.id
    from voice_recordings as recording
    where recording.id = (messages.metadata ->> 'recording_id')::uuid
  ) as recording_id,
  rating, rating_comment, created_at, superseded_at
from messages
where conversation_id = $1 and ($2::timestamptz is null or (created_at, id) < ($2, $3::uuid))
order by created_at desc, id desc
limit $4;

-- name: rename
update conversations set title = $2 where id = $1;

-- name: delete
delete from conversations where id = $1;

-- name: role_of
select role from messages where id = $1;

-- name: rate
update messages
set rating = $2, rating_comment = $3, rated_at = now()
where id = $1
returning id as message_id, rating, rating_comment as comment, rated_at;

-- name: unrate
update messages
set rating = null, rating_comment = null, rated_at = null
where id = $1;
