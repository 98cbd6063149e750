-- What an operator believes of a symbol's risk at certain prices, from a day on. Seeded with the customer's.
set local lock_timeout = '5s';

select private.refuse_clash(array['risk_anchors']);

create table public.risk_anchors (
  symbol text not null
    constraint risk_anchors_symbol_canonical check (symbol ~ '^[A-Z0-9]{2,12}/[A-Z0-9]{2,12}$'),
  valid_from date not null,
  risk double precision not null constraint risk_anchors_risk_bounded check (risk between 0 and 1),
  price numeric not null constraint risk_anchors_price_positive check (price > 0),
  created_at timestamptz not null default now(),
  primary key (symbol, valid_from, risk),
  constraint risk_anchors_price_once unique (symbol, valid_from, price)
);

comment on table public.risk_anchors is
  'Operators'' data (zmarty risk import): the anchors of one symbol and day are one curve, which counts from that day until a later one. A few dozen rows a symbol and curve; kept.';
comment on column public.risk_anchors.valid_from is
  'The day from which the curve was known. Never earlier: a curve drawn afterwards fits its past too well.';

alter table public.risk_anchors enable row level security;
revoke all on public.risk_anchors from anon, authenticated;
grant select on public.risk_anchors to zmarty_worker;
create policy worker_reads on public.risk_anchors for select to zmarty_worker using (true);

-- They came to us without a date; 2026-11-26 is the day on which they entered this table.
insert into public.risk_anchors (symbol, valid_from, risk, price)
select base || '/USDT', date '2026-11-26', risk, price
from (values
  ('BTC', 0, 30000), ('BTC', 0.125, 37452), ('BTC', 0.65, 147635), ('BTC', 1, 299720),
  ('ETH', 0, 479.97), ('ETH', 1, 11541.2),
  ('SOL', 0, 20.61), ('SOL', 0.3, 83.21), ('SOL', 0.675, 204.54), ('SOL', 1, 933.79),
  ('BNB', 0, 320.6), ('BNB', 0.5, 853.99), ('BNB', 0.525, 923.09), ('BNB', 1, 5351.73),
  ('XRP', 0, 0.752), ('XRP', 0.75, 2.973), ('XRP', 0.775, 3.148), ('XRP', 1, 6.685),
  ('ADA', 0, 0.101), ('ADA', 0.35, 0.514), ('ADA', 0.571, 0.883), ('ADA', 1, 6.622),
  ('AVAX', 0, 4.1), ('AVAX', 0.35, 21.64), ('AVAX', 0.525, 33.0), ('AVAX', 1, 341.4),
  ('LINK', 0, 3.14), ('LINK', 0.275, 10.57), ('LINK', 0.64, 24.12), ('LINK', 1, 116.18),
  ('LTC', 0, 20.09), ('LTC', 0.25, 62.26), ('LTC', 0.525, 119.22), ('LTC', 1, 1005.62),
  ('DOT', 0, 1.46), ('DOT', 0.2, 3.81), ('DOT', 0.675, 12.23), ('DOT', 1, 64.74),
  ('DOGE', 0, 0.06), ('DOGE', 0.125, 0.09), ('DOGE', 0.5, 0.23), ('DOGE', 1, 2.61)
) as anchor (base, risk, price);
