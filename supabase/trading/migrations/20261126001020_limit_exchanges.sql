-- What may be asked of exchanges that EXCHANGES can name: about half of what each documents for public market data.
set local lock_timeout = '5s';

insert into public.vendor_limits (vendor, per_second, burst) values
  ('bitfinex', 0.25, 5),
  ('bitget', 8, 16),
  ('bitstamp', 5, 20),
  ('bybit', 10, 40),
  ('coinbase', 4, 8),
  ('cryptocom', 10, 20),
  ('gate', 8, 20),
  ('gemini', 1, 5),
  ('htx', 5, 20),
  ('kraken', 0.8, 6),
  ('kucoin', 8, 20),
  ('mexc', 5, 20),
  ('okx', 5, 10)
-- An operator may have written a row by hand.
on conflict (vendor) do nothing;
