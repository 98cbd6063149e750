-- Answers that hold for the whole market: asked for once, read by every process while they are fresh.
set local lock_timeout = '5s';

select private.refuse_clash(array['vendor_answers']);

create table public.vendor_answers (
  vendor text not null,
  question text not null,
  body text,
  answered_at timestamptz,
  fresh_until timestamptz not null default '-infinity',
  claimed_until timestamptz not null default '-infinity',
  primary key (vendor, question)
);

comment on table public.vendor_answers is
  'One row for each market-wide question of the code, so its number is bounded; the newest answer only. Not a history.';
comment on column public.vendor_answers.claimed_until is
  'While this lies ahead, one process is asking and the others wait for its answer.';

alter table public.vendor_answers enable row level security;
revoke all on public.vendor_answers from anon, authenticated;
grant select, insert, update on public.vendor_answers to zmarty_worker;
create policy worker_keeps on public.vendor_answers to zmarty_worker using (true) with check (true);
