-- What a signal rests on beside its score: the regime of its candle and the curve behind its confidence. And where signals
-- come from that were made elsewhere.
set local lock_timeout = '5s';

alter table public.signals
  add column regime text
    constraint signals_regime_known check (regime in ('trending', 'ranging', 'volatile', 'quiet')),
  add column calibration jsonb not null default '{}',
  add column source text constraint signals_source_named check (source ~ '^[a-z0-9][a-z0-9_.-]{0,39}$'),
  add column external_id text constraint signals_external_id_bounded check (length(external_id) between 1 and 200),
  add column request_sha256 bytea;

alter table public.signals
  add constraint signals_relayed_are_marked check (
    (source is not null) = (strategy_version like 'relay:%')
    and (source is null) = (external_id is null)
    and (source is null or strategy_version = 'relay:' || source)
  );

comment on column public.signals.calibration is
  'The curve behind the confidence: method, how many labels it learned from, its Brier score on later labels and that of the base rate.';
comment on column public.signals.source is 'Who made the signal, when it was made elsewhere; null for our own.';
comment on column public.signals.external_id is 'Its name at its source: the same one is never kept twice.';
comment on column public.signals.request_sha256 is 'Tells a repeated request from another one under the same external_id.';

create unique index signals_relayed_once on public.signals (source, external_id) where source is not null;

-- The API relays; it can never write one of our own.
grant insert on public.signals to zmarty_api;
create policy api_relays on public.signals for insert to zmarty_api with check (source is not null);
