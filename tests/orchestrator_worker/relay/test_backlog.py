"""What a long outage leaves behind: many changes of many users, two relays, the real function, every user's order kept."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from orchestrator_worker.relay.relay import Bounds
from tests.orchestrator_worker.relay.conftest import Relaying
from tests.orchestrator_worker.relay.functions import EdgeFunction, until
from zmarty.postgres import Pool

# Fifty of every user, which is what a claim takes of one at most; several claims and requests for each relay.
ROWS, USERS = 2_000, 40

BACKLOG = """
with changes as (
  select number, md5((number % $2)::text)::uuid as user_id, number / $2 as step
  from generate_series(0, $1 - 1) as number
), records as (
  select number, user_id, jsonb_build_object(
    'user_id', user_id, 'symbol', 'BTC/USDT', 'timeframe', (array['1h', '4h', '1d'])[1 + step % 3],
    'strategy', jsonb_build_object('step', step), 'active', step % 5 <> 4
  ) as record
  from changes
)
insert into outbox (user_id, payload)
select user_id, jsonb_build_object(
  'type', 'UPDATE', 'table', 'user_symbols', 'schema', 'public', 'record', record, 'old_record', record
)
from records
order by number
"""

# Remembers what became of a watcher, in the order it came.
WITNESS = """
create table journey (place bigint generated always as identity, user_id uuid, timeframe text, version bigint);
create function witness() returns trigger language plpgsql as $$
begin
  insert into public.journey (user_id, timeframe, version) values (new.user_id, new.timeframe, new.version);
  return null;
end $$;
create trigger witness after insert or update on watchers for each row execute function witness();
"""


@pytest.mark.timeout(180)
async def test_a_backlog_arrives_in_order(
    chat: Pool,
    trading: Pool,
    trading_dsn: Callable[..., str],
    relaying: Relaying,
    tmp_path: Path,
) -> None:
    await trading.execute(WITNESS)
    await chat.execute(BACKLOG, ROWS, USERS)
    edge = EdgeFunction(trading_dsn("postgres"), tmp_path)
    await edge.start()
    try:
        async with AsyncExitStack() as stack:
            for _ in range(2):
                await stack.enter_async_context(relaying(edge.url, bounds=Bounds()))
            await until(lambda: all_delivered(chat), 150)
    finally:
        edge.stop()

    assert await trading.fetchval("select count(*) from journey") == ROWS, "each applied once"
    overtaken = """
        select count(*) from (
          select version, lag(version) over (partition by user_id, timeframe order by place) as before from journey
        ) as steps where before > version"""
    assert await trading.fetchval(overtaken) == 0
    newest = """
        select count(*) from watchers join (
          select user_id, timeframe, max(version) as version from journey group by 1, 2
        ) as last using (user_id, timeframe, version)"""
    assert await trading.fetchval(newest) == USERS * 3
    assert await trading.fetchval("select count(*) from pgmq.q_ingest_indicators") == 3


async def all_delivered(chat: Pool) -> bool:
    return not await chat.fetchval("select exists (select from outbox where delivered_at is null)")
