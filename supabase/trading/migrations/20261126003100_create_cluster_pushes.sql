-- Maps that an operator's tool posted: remembered against replay, and an image kept until the worker has read it.
set local lock_timeout = '5s';

select private.refuse_clash(array['cluster_pushes']);

create table public.cluster_pushes (
  id text primary key constraint cluster_pushes_id_bounded check (length(id) between 1 and 128),
  symbol text not null,
  observed_at timestamptz not null,
  clusters jsonb constraint cluster_pushes_clusters_bounded check (pg_column_size(clusters) <= 262144),
  image bytea constraint cluster_pushes_image_bounded check (octet_length(image) <= 2097152),
  media_type text constraint cluster_pushes_media_type_known check (media_type in ('image/png', 'image/jpeg')),
  confidence double precision constraint cluster_pushes_confidence_bounded check (confidence between 0 and 1),
  link text constraint cluster_pushes_link_bounded check (length(link) <= 500),
  state text not null default 'waiting' constraint cluster_pushes_state_known check (state in ('waiting', 'kept', 'refused')),
  refusal text constraint cluster_pushes_refusal_bounded check (length(refusal) <= 500),
  received_at timestamptz not null default now(),
  ended_at timestamptz,
  constraint cluster_pushes_one_kind check ((clusters is null) = (media_type is not null)),
  constraint cluster_pushes_ended_once check ((state = 'waiting') = (ended_at is null))
);

comment on table public.cluster_pushes is
  'One row a webhook-id, so that a replay is seen. At most 200 pushes and 50 images wait at once; an image goes with the end of its push, a row after seven days (private.keep_up_clusters).';

create index cluster_pushes_age on public.cluster_pushes (received_at);
create index cluster_pushes_waiting on public.cluster_pushes (received_at) where state = 'waiting';

alter table public.cluster_pushes enable row level security;
revoke all on public.cluster_pushes from anon, authenticated;
grant select, insert on public.cluster_pushes to zmarty_api;
grant select, update (image, state, refusal, ended_at) on public.cluster_pushes to zmarty_worker;
create policy api_keeps on public.cluster_pushes to zmarty_api using (true) with check (true);
create policy worker_keeps on public.cluster_pushes to zmarty_worker using (true) with check (true);
