"""An operator's morning: a message was buried, they look at it, mend the cause, retry it, and it is carried out."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.journeys.conftest import World
from tests.journeys.test_blueprint import until

QUEUE = "ingest_indicators"
BODY = {"symbol": "LTC/USDT", "timeframe": "4h"}


async def letter_of(world: World, operator: dict[str, str], sent: dict[str, str]) -> Any:
    answer = await world.api.get(
        "/v1/admin/dead-letters", params={"queue": QUEUE, "limit": 50}, headers=operator
    )
    assert answer.status_code == 200, answer.text
    return next((row for row in answer.json()["items"] if row["original"] == sent), None)


async def bury(world: World, operator: dict[str, str]) -> Any:
    """Send a job for a symbol that is not known, and wait for its letter; one that an earlier try left would be mistaken."""
    await world.trading.execute(f"select pgmq.purge_queue('{QUEUE}_dead')")
    await world.trading.execute("delete from instruments where symbol = $1", BODY["symbol"])
    await world.trading.execute(f"select pgmq.send('{QUEUE}', $1::text::jsonb)", json.dumps(BODY))
    return await until(lambda: letter_of(world, operator, BODY))


async def know_the_symbol(world: World) -> None:
    await world.trading.execute(
        "insert into instruments (symbol) values ($1) on conflict do nothing",
        BODY["symbol"],
    )


async def candles(world: World) -> int:
    counted: int = await world.trading.fetchval(
        "select count(*) from candles where symbol = $1 and timeframe = $2", BODY["symbol"], BODY["timeframe"]
    )
    return counted


async def test_a_buried_message_is_looked_at_retried_and_carried_out(world: World) -> None:
    operator = world.sign_up(is_operator=True)
    letter = await bury(world, operator)
    assert (letter["code"], letter["can_retry"]) == ("symbol_unknown", True)
    await know_the_symbol(world)

    refused = await world.api.post(
        f"/v1/admin/dead-letters/{QUEUE}/retry",
        json={"msg_ids": [letter["msg_id"]]},
        headers=world.sign_up(),
    )
    retried = await world.api.post(
        f"/v1/admin/dead-letters/{QUEUE}/retry", json={"msg_ids": [letter["msg_id"]]}, headers=operator
    )

    assert refused.status_code == 403
    assert retried.json() == {"queue": QUEUE, "asked": 1, "done": 1}
    await until(lambda: candles(world))
    assert await letter_of(world, operator, BODY) is None
    log = (await world.api.get("/v1/admin/audit?limit=2", headers=operator)).json()["items"]
    assert [row["action"] for row in log] == ["dead_letters_retry_done", "dead_letters_retry_requested"]
    assert "journey-" in log[0]["actor"]


async def test_the_command_line_does_the_same(world: World) -> None:
    operator = world.sign_up(is_operator=True)
    await world.trading.execute("delete from candles where symbol = $1", BODY["symbol"])
    letter = await bury(world, operator)
    await know_the_symbol(world)

    seen = json.loads(world.system.zmarty("queue", "peek", QUEUE, "--dead", "--json").stdout)
    done = world.system.zmarty("queue", "retry", QUEUE, str(letter["msg_id"]), "--actor", "the-journey")

    assert letter["msg_id"] in [row["msg_id"] for row in seen]
    assert "1 of 1 dead letters retried" in done.stdout
    log = (await world.api.get("/v1/admin/audit?limit=1", headers=operator)).json()["items"]
    assert (log[0]["actor"], log[0]["new"]) == ("console:the-journey", {"count": 1})

    async def is_gone() -> bool:
        return await letter_of(world, operator, BODY) is None

    await until(is_gone)


@pytest.fixture
async def paused(world: World) -> AsyncIterator[dict[str, str]]:
    """The headers of an operator who has paused the win rates; they are resumed whatever happens meanwhile."""
    operator = world.sign_up(is_operator=True)
    answer = await world.api.post("/v1/admin/queues/compute_winrate/pause", headers=operator)
    assert answer.json() == {"queue": "compute_winrate", "is_paused": True, "changed": True}
    yield operator
    await world.api.post("/v1/admin/queues/compute_winrate/resume", headers=operator)


async def test_a_paused_queue_hands_nothing_out_until_it_is_resumed(
    world: World, paused: dict[str, str]
) -> None:
    sent = await world.trading.fetchval(
        """select pgmq.send('compute_winrate', '{"symbol": "BTC/USDT", "timeframe": "1h"}'::jsonb)"""
    )
    # A job of another queue that is done afterwards proves that the workers went round meanwhile.
    other = await world.trading.fetchval(
        """select pgmq.send('compute_signals', '{"symbol": "BTC/USDT", "timeframe": "1h"}'::jsonb)"""
    )

    async def other_is_gone() -> bool:
        return not await world.trading.fetchval(
            "select exists (select from pgmq.q_compute_signals where msg_id = $1)", other
        )

    await until(other_is_gone)
    shown = (await world.api.get("/v1/admin/queues/compute_winrate/messages", headers=paused)).json()
    # Others may have been handed out before the pause; of those sent since then, by cron as well, none was.
    since = [row for row in shown["items"] if row["msg_id"] >= sent]
    assert {(row["state"], row["read_count"]) for row in since} == {("due", 0)}
    assert sent in [row["msg_id"] for row in since]

    await world.api.post("/v1/admin/queues/compute_winrate/resume", headers=paused)

    await until(
        lambda: world.trading.fetchval("select msg_id from pgmq.a_compute_winrate where msg_id = $1", sent),
    )
