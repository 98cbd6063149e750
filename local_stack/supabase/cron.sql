-- Real pg_cron with the rights Supabase gives: postgres schedules by the functions and reads its jobs, no more.
create extension pg_cron with schema pg_catalog;

grant usage on schema cron to postgres;
grant select on cron.job to postgres;
grant select, delete on cron.job_run_details to postgres;
