"""What has no events, looked at only while somebody listens: credits, changes that are late in the mirror, queues.

The ledger never notifies and the queues are too busy to tell of each message; both are states of the moment, told to each
client when it comes and again whenever they differ.
"""

import asyncio
from collections.abc import Coroutine, Mapping
from contextlib import suppress
from typing import Any

import structlog

from orchestrator_api.events import store
from orchestrator_api.events.live import Live, tell_state
from orchestrator_api.events.subscriber import Subscriber
from orchestrator_api.health import store as vitals_store
from zmarty.postgres import TROUBLE, Pool

log = structlog.get_logger(__name__)

POLL_SECONDS = 2.0
ANSWER_SECONDS_MAX = 10.0


async def poll_forever(live: Live, chat: Pool, trading: Pool) -> None:
    """Runs for ever. A database that is away leaves out its part until it is back."""
    while True:
        live.arrival.clear()
        if live.users:
            await _patiently(_tell_balances(live, chat))
            await _patiently(_tell_mirrors(live, chat))
        if live.operators:
            await _patiently(_tell_queues(live, trading))
        with suppress(TimeoutError):
            await asyncio.wait_for(live.arrival.wait(), POLL_SECONDS if live.users else None)


async def _patiently(telling: Coroutine[Any, Any, None]) -> None:
    try:
        async with asyncio.timeout(ANSWER_SECONDS_MAX):
            await telling
    except TROUBLE as error:
        log.warning("state_not_polled", error=type(error).__name__)


async def _tell_balances(live: Live, chat: Pool) -> None:
    for user_id, balance in (await store.balances(chat, live.users)).items():
        for subscriber in live.subscribers_of(user_id):
            tell_state(subscriber, ("credits",), balance)


async def _tell_mirrors(live: Live, chat: Pool) -> None:
    users = live.users
    opened: dict[Any, dict[tuple[str, ...], dict[str, Any]]] = {user_id: {} for user_id in users}
    for late in await store.open_mirrors(chat, users):
        opened[late.user_id]["watcher", late.symbol, late.timeframe] = _watcher(
            late.symbol, late.timeframe, is_active=late.is_active, mirror=late.state
        )
    for user_id, states in opened.items():
        for subscriber in live.subscribers_of(user_id):
            for key, data in states.items():
                tell_state(subscriber, key, data)
            _tell_arrived(subscriber, except_for=states)


def _tell_arrived(subscriber: Subscriber, *, except_for: Mapping[tuple[str, ...], Any]) -> None:
    # The trading database tells of an arrival too, but what it said may have been overtaken by our older look.
    for key in [key for key in subscriber.states if key[0] == "watcher" and key not in except_for]:
        told = subscriber.states[key]
        arrived = _watcher(key[1], key[2], is_active=told["active"], mirror="mirrored")
        tell_state(subscriber, key, arrived)
        del subscriber.states[key]


async def _tell_queues(live: Live, trading: Pool) -> None:
    async with trading.acquire() as connection:
        queues = await vitals_store.queues(connection)
    for queue in queues:
        data = queue.model_dump(mode="json")
        # Ages grow by themselves; only what was done is worth an event.
        done = {
            name: value
            for name, value in data.items()
            if not name.endswith(("_seconds", "_bytes", "_tuples"))
        }
        for subscriber in live.operators:
            tell_state(subscriber, ("queue", queue.name), data, same_as=done)


def _watcher(symbol: str, timeframe: str, *, is_active: bool, mirror: str) -> dict[str, Any]:
    return {
        "symbol": symbol,
        "timeframe": timeframe,
        "active": is_active,
        "mirror": {"state": mirror, "mirrored_at": None},
    }
