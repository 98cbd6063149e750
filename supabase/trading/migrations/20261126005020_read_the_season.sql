-- What Bitcoin's risk metric said as of a time. The table belongs to another part and may come later, so it is looked for.
set local lock_timeout = '5s';

create function private.bitcoin_risk(as_of timestamptz) returns double precision
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  days_max constant integer := 7;
  found double precision;
begin
  if to_regclass('public.risk_metric') is null then
    return null;
  end if;
  -- Within a day the better founded source; a value that is older than a week is no word on this candle.
  execute $query$
    select value
    from public.risk_metric
    where symbol = 'BTC/USDT' and known_at <= $1 and known_at > $1 - make_interval(days => $2)
    order by observed_on desc, array_position(array['anchors', 'regression', 'percentile'], source)
    limit 1
  $query$ into found using as_of, days_max;
  return found;
end
$$;

comment on function private.bitcoin_risk(timestamptz) is 'The risk metric of BTC/USDT as it was known then; null where there is none.';
revoke execute on function private.bitcoin_risk(timestamptz) from public;
grant usage on schema private to zmarty_worker;
grant execute on function private.bitcoin_risk(timestamptz) to zmarty_worker;
