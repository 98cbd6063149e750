-- name: settled_analyses
-- The truth: the answers as they were settled. The newest few, or the one that is named.
select id, content, provider, model, input_tokens, output_tokens, credits, metadata, created_at
from messages
where user_id = $1 and conversation_id = $2 and role = 'assistant'
  and ($3::uuid is null or id = $3::uuid)
  and created_at > now() - interval '7 days'
order by created_at desc
limit $4;

-- name: save_analysis
-- Written by whoever comes first: the request that asked, or one that looks and finds it missing.
insert into ai_analysis (
  id, user_id, request_type, query, ai_model, provider, response, tokens_used, credits_charged, processing_time_ms,
  metadata, created_at
)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
on conflict (id) do nothing;

-- name: known_analyses
select id from ai_analysis where id = any ($1::uuid[]);

-- name: analysis
-- Another user's is not found rather than forbidden: its existence is nobody's business.
select
  id, request_type, query, ai_model, provider, response, tokens_used, credits_charged, processing_time_ms, metadata,
  created_at
from ai_analysis
where id = $1::uuid and user_id = $2::uuid;

-- name: analyses
select
  id, request_type, query, ai_model, provider, response, tokens_used, credits_charged, processing_time_ms, metadata,
  created_at
from ai_analysis
where user_id = $1::uuid
  and ($2::text is null or request_type = $2::text)
  and ($3::timestamptz is null or (created_at, id) < ($3::timestamptz, $4::uuid))
order by created_at desc, id desc
limit $5::integer;
