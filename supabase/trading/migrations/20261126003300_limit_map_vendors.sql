-- What the readers of maps may ask for: models that look at images, and the futures exchange's open interest.
set local lock_timeout = '5s';

insert into public.vendor_limits (vendor, per_second, burst, monthly_quota) values
  ('vision', 1, 5, 3000),
  -- Binance counts this endpoint apart: 1,000 requests in five minutes.
  ('binance_futures', 3, 20, null);
