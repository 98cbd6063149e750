-- name: save_recording
insert into voice_recordings (id, user_id, message_id, path, byte_count, character_count)
values ($1, $2, $3, $4, $5, $6)
-- Told to complete a second time, when the first time's commit was not heard of.
on conflict (id) do nothing;

-- name: recording
select id, user_id, message_id, path, byte_count, character_count
from voice_recordings
where id = $1 and created_at > now() - interval '7 days';
