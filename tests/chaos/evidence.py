"""What the databases say at the end: each read in one snapshot, by SQL that shares nothing with the product's."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import asyncpg

from tests.chaos.stage import Connection, Stage

Row: TypeAlias = Mapping[str, Any]

CHAT_READS = {
    "outbox": "select id, user_id, payload, delivered_at, parked_at, last_error from outbox order by id",
    "user_symbols": "select user_id, symbol, timeframe, strategy, active from user_symbols",
    "accounts": "select user_id, balance, held from credit_accounts",
    "entries": "select user_id, kind, amount, balance_after, idempotency_key from credits_ledger order by id",
    "holds": "select id, user_id, credits, charged, state from credit_holds",
    "messages": "select id, user_id, role, content, hold_id, credits from messages",
    "keys": "select user_id, key, state, message_id from request_keys",
}
TRADING_READS = {
    "moves": "select id, kind, queue, msg_id, body, actor, transaction, seen_at from chaos.moves order by id",
    "applied": "select id, user_id, symbol, timeframe, version, seen_at from chaos.applied order by id",
    "watchers": "select user_id, symbol, timeframe, strategy, active, version from watchers",
    "waiting": """
        select queue, depth from (select names as queue from queueing.names()) as queues,
        lateral (select count(*) as depth from chaos.moves as sent
          where sent.queue = queues.queue and sent.kind = 'sent' and not exists (
            select from chaos.moves as removed
            where removed.queue = sent.queue and removed.msg_id = sent.msg_id and removed.kind = 'removed')) as counted
        """,
    "doubled_signals": """
        select symbol, timeframe, opened_at, count(*) as times
        from signals
        group by symbol, timeframe, opened_at, strategy_version
        having count(*) > 1""",
    "candle_gaps": """
        select symbol, timeframe, opened_at, next_opened_at
        from (
          select symbol, timeframe, opened_at,
            lead(opened_at) over (partition by symbol, timeframe, exchange order by opened_at) as next_opened_at
          from candles) as pairs
        where next_opened_at - opened_at
          <> case timeframe when '1h' then interval '1 hour' when '4h' then interval '4 hours' end""",
    "doubled_candles": """
        select symbol, timeframe, opened_at, count(*) as times
        from candles group by symbol, timeframe, opened_at, exchange having count(*) > 1""",
    "unjudged": """
        select symbol, timeframe, opened_at
        from indicators
        where source = 'technical' and not exists (
          select from signals
          where signals.symbol = indicators.symbol and signals.timeframe = indicators.timeframe
            and signals.opened_at = indicators.opened_at)""",
    "uncounted": """
        select distinct symbol, timeframe
        from signals
        where not exists (
          select from win_rate
          where win_rate.symbol = signals.symbol and win_rate.timeframe = signals.timeframe)""",
    "effects": """
        select (select count(*) from candles) as candles, (select count(*) from signals) as signals,
          (select count(*) from signal_outcomes) as outcomes""",
}
SETTLED_TRIES = 60
SETTLED_PAUSE_SECONDS = 0.5


@dataclass(frozen=True)
class Evidence:
    """Rows by the names above. Chat is read first: what the trading database holds beyond it came later."""

    chat: Mapping[str, list[Row]]
    trading: Mapping[str, list[Row]]


async def read_evidence(stage: Stage) -> Evidence:
    """Read both databases at a moment when nothing waits; cron goes on, so that moment may take some looking for."""
    for _ in range(SETTLED_TRIES):
        evidence = Evidence(
            await _snapshot(stage, "chat", CHAT_READS), await _snapshot(stage, "trading", TRADING_READS)
        )
        waits = any(
            row["delivered_at"] is None and row["parked_at"] is None for row in evidence.chat["outbox"]
        )
        if not waits and not any(row["depth"] for row in evidence.trading["waiting"]):
            break
        await asyncio.sleep(SETTLED_PAUSE_SECONDS)
    return evidence


async def _snapshot(stage: Stage, kind: str, reads: Mapping[str, str]) -> dict[str, list[Row]]:
    async with (
        stage.database(kind, as_superuser=True) as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        return {name: [dict(row) for row in await connection.fetch(text)] for name, text in reads.items()}


async def is_drained(stage: Stage) -> bool:
    """Whether nothing waits anywhere: no change on its way, no message in a queue, no credit set aside."""
    try:
        async with stage.database("chat") as chat:
            on_their_way = await chat.fetchval(
                "select count(*) from outbox where delivered_at is null and parked_at is null"
            )
        async with stage.database("trading") as trading:
            waiting = await _waiting(trading)
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
        return False
    return on_their_way == 0 and waiting == 0


async def _waiting(trading: Connection) -> int:
    count = 0
    for row in await trading.fetch("select names from queueing.names()"):
        count += await trading.fetchval(f"select count(*) from pgmq.q_{row['names']}")
    return count


async def sweep_holds(stage: Stage) -> int:
    """What requests left set aside when their database broke away for good: the sweeper's turn, without its ten minutes."""
    async with stage.database("chat", as_superuser=True) as chat:
        await chat.execute(
            "update credit_holds set expires_at = now() - interval '1 second' where state = 'held'"
        )
        swept: int = await chat.fetchval("select private.expire_holds()")
        return swept
