-- A map of clusters says how sure its source is and where it can be looked at. Old maps go.
set local lock_timeout = '5s';

alter table public.liq_clusters
  add column confidence double precision
    constraint liq_clusters_confidence_bounded check (confidence between 0 and 1),
  add column link text constraint liq_clusters_link_bounded check (length(link) <= 500);

comment on table public.liq_clusters is
  'Maps of clusters: the rows of one symbol, source and observed_at are one map. Kept for 90 days (private.keep_up_clusters).';
comment on column public.liq_clusters.source is
  'king_fisher (asked), pushed (posted as clusters), screenshot (posted as an image and read by a model), estimated.';
comment on column public.liq_clusters.confidence is
  'The source''s own, where it has one: a model''s for what it read, for an estimate the share of open interest it rests on.';
comment on column public.liq_clusters.link is 'Where the map can be looked at, as its sender says.';

-- The newest map of each source, and history by time.
create index liq_clusters_of_source on public.liq_clusters (symbol, source, observed_at desc);
create index liq_clusters_by_time on public.liq_clusters (symbol, observed_at desc, id desc);
drop index public.liq_clusters_newest;
create index liq_clusters_age on public.liq_clusters (observed_at);
