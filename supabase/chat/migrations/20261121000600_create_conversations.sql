-- Conversations, their messages, and the keys that let a request be repeated without being answered or charged twice.
set local lock_timeout = '5s';

create table public.conversations (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references auth.users (id) on delete cascade,
  title text not null default '' constraint conversations_title_bounded check (char_length(title) <= 200),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint conversations_owned unique (id, user_id)
);

create index conversations_by_user on public.conversations (user_id, updated_at desc);

create table public.messages (
  id uuid primary key default gen_random_uuid(),
  conversation_id uuid not null,
  user_id uuid not null references auth.users (id) on delete cascade,
  role text not null constraint messages_role_known check (role in ('user', 'assistant')),
  content text not null,
  provider text,
  model text,
  hold_id uuid references public.credit_holds (id) on delete set null,
  input_tokens integer,
  output_tokens integer,
  credits integer,
  metadata jsonb not null default '{}',
  created_at timestamptz not null default now(),
  -- Composite, so that a message can never join somebody else's conversation.
  constraint messages_in_own_conversation
    foreign key (conversation_id, user_id) references public.conversations (id, user_id) on delete cascade
);

create index messages_by_conversation on public.messages (conversation_id, created_at, id);
create index messages_by_user on public.messages (user_id);
create index messages_by_hold on public.messages (hold_id) where hold_id is not null;

create table public.request_keys (
  user_id uuid not null references auth.users (id) on delete cascade,
  key text not null constraint request_keys_key_bounded check (char_length(key) between 1 and 255),
  body_sha256 text not null,
  state text not null default 'in_progress'
    constraint request_keys_state_known check (state in ('in_progress', 'done')),
  hold_id uuid,
  message_id uuid,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null default now() + interval '24 hours',
  primary key (user_id, key)
);

create index request_keys_expiring on public.request_keys (expires_at);

alter table public.conversations enable row level security;
alter table public.messages enable row level security;
alter table public.request_keys enable row level security;
revoke all on public.conversations, public.messages, public.request_keys from anon, authenticated;

grant select on public.conversations, public.messages to authenticated;
create policy owner_reads on public.conversations for select to authenticated using ((select auth.uid()) = user_id);
create policy owner_reads on public.messages for select to authenticated using ((select auth.uid()) = user_id);

grant select, insert, update on public.conversations to zmarty_api;
grant select, insert, update on public.messages to zmarty_api;
grant select, insert, update, delete on public.request_keys to zmarty_api;
create policy api_keeps on public.conversations to zmarty_api using (true) with check (true);
create policy api_keeps on public.messages to zmarty_api using (true) with check (true);
create policy api_keeps on public.request_keys to zmarty_api using (true) with check (true);
