-- The queues of market intelligence, and the question how many jobs a user has open.
set local lock_timeout = '5s';

select queueing.create_queue('backfill_candles');
select queueing.create_queue('refresh_instruments');
select queueing.create_queue('observe_market');
select queueing.create_queue('ingest_clusters');
select queueing.create_queue('compute_risk');
select queueing.create_queue('analyze_market');
select queueing.create_queue('run_simulation');
select queueing.create_queue('calculate_scaling');

create index jobs_open_of_user on public.jobs (user_id) where ended_at is null;
