"""`zmarty queue …` on real databases: what is shown, what is changed, what the audit log says of it, what is refused."""

import asyncio
import json
import subprocess
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

import asyncpg
import pytest

from console import queues
from console.queues import Desk
from tests.support import command_line
from zmarty.postgres import Connection, Pool

QUEUE = "compute_signals"
ORIGINAL = {"symbol": "BTC/USDT", "timeframe": "1h"}

Zmarty: TypeAlias = Callable[..., Awaitable[subprocess.CompletedProcess[str]]]


@pytest.fixture
def zmarty(chat_dsn: Callable[..., str], trading_dsn: Callable[..., str]) -> Zmarty:
    """The command as a person types it, on this test's databases."""

    async def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        named = {"CHAT_OWNER_DATABASE_URL": chat_dsn(), "TRADING_OWNER_DATABASE_URL": trading_dsn()}
        return await asyncio.to_thread(command_line.zmarty, "queue", *arguments, **{**named, **environment})

    return run


async def bury(trading: Pool, *, count: int = 1) -> list[int]:
    letter = {"code": "symbol_unknown", "error": "no [such] symbol", "attempts": 3, "original": ORIGINAL}
    rows = await trading.fetch(
        f"select pgmq.send('{QUEUE}_dead', $1::jsonb) as id from generate_series(1, $2::integer)",
        letter,
        count,
    )
    return [row["id"] for row in rows]


async def depth(trading: Pool, queue: str = QUEUE) -> int:
    counted: int = await trading.fetchval(f"select count(*) from pgmq.q_{queue}")
    return counted


async def audited(chat: Pool) -> list[tuple[Any, ...]]:
    rows = await chat.fetch(
        "select action, entity, new, result_of is not null as is_result from audit_log order by id"
    )
    return [tuple(row) for row in rows]


async def test_stats_show_every_queue(zmarty: Zmarty, chat: Pool, trading: Pool) -> None:
    await bury(trading, count=2)
    await trading.execute(f"select pgmq.send('{QUEUE}', '{{}}'::jsonb, 3600)")
    await trading.execute(f"select queueing.pause('{QUEUE}', 'ada')")

    shown = await zmarty("stats")
    told = json.loads((await zmarty("stats", "--json")).stdout)

    assert "paused by ada" in shown.stdout
    assert "ingest_indicators" in shown.stdout
    (row,) = (row for row in told["queues"] if row["queue"] == QUEUE)
    assert (row["depth"], row["postponed"], row["dead"]) == (1, 1, 2)
    assert row["oldest_due_seconds"] is None, "a postponed message is not late"
    assert await audited(chat) == [], "looking is not an action"


async def test_peek_shows_messages_and_dead_letters(zmarty: Zmarty, chat: Pool, trading: Pool) -> None:
    (letter,) = await bury(trading)
    await trading.execute(f"select pgmq.send('{QUEUE}', $1::jsonb)", ORIGINAL)

    waiting = await zmarty("peek", QUEUE)
    dead = await zmarty("peek", QUEUE, "--dead")
    told = json.loads((await zmarty("peek", QUEUE, "--dead", "--json")).stdout)

    assert "due" in waiting.stdout
    assert '"symbol": "BTC/USDT"' in waiting.stdout
    assert "no [such] symbol" in dead.stdout
    assert told[0]["msg_id"] == letter
    assert await trading.fetchval(f"select read_ct from pgmq.q_{QUEUE}") == 0


async def test_retry_sends_the_original_and_is_audited(zmarty: Zmarty, chat: Pool, trading: Pool) -> None:
    (letter,) = await bury(trading)

    first = await zmarty("retry", QUEUE, str(letter), "--actor", "ada")
    again = await zmarty("retry", QUEUE, str(letter), "--json")

    assert "1 of 1 dead letters retried" in first.stdout
    assert json.loads(again.stdout) == {"queue": QUEUE, "asked": 1, "retried": 0}
    assert await trading.fetchval(f"select message from pgmq.q_{QUEUE}") == ORIGINAL
    assert (await audited(chat))[:2] == [
        ("dead_letters_retry_requested", f"queue:{QUEUE}", {"count": 1, "msg_ids": [letter]}, False),
        ("dead_letters_retry_done", f"queue:{QUEUE}", {"count": 1}, True),
    ]
    actors = [row["actor"] for row in await chat.fetch("select actor from audit_log order by id")]
    assert actors[:2] == ["console:ada"] * 2
    assert "@" in actors[2]


async def test_retry_all_goes_in_steps(zmarty: Zmarty, chat: Pool, trading: Pool) -> None:
    letters = await bury(trading, count=queues.STEP * 2 + 1)

    done = await zmarty("retry", QUEUE, "--all")

    assert f"{len(letters):,} of {len(letters):,}" in done.stdout
    assert await depth(trading) == len(letters)
    assert await depth(trading, f"{QUEUE}_dead") == 0
    assert [action for action, *_ in await audited(chat)] == [
        "dead_letters_retry_requested",
        "dead_letters_retry_done",
    ]


@pytest.mark.parametrize("verb", ["discard", "purge"])
async def test_what_is_lost_is_asked_about(zmarty: Zmarty, chat: Pool, trading: Pool, verb: str) -> None:
    await bury(trading, count=3)
    await trading.execute(f"select pgmq.send('{QUEUE}', '{{}}'::jsonb)")
    arguments = (verb, QUEUE, *(["--all"] if verb == "discard" else []))

    refused = await zmarty(*arguments)

    assert refused.returncode == 1
    assert "--yes" in refused.stderr
    assert (await depth(trading), await depth(trading, f"{QUEUE}_dead")) == (1, 3)
    assert await audited(chat) == []

    done = await zmarty(*arguments, "--yes")

    assert done.returncode == 0, done.stderr
    left = (await depth(trading), await depth(trading, f"{QUEUE}_dead"))
    assert left == ((1, 0) if verb == "discard" else (0, 3))
    assert len(await audited(chat)) == 2


async def test_pause_and_resume_say_what_changed(zmarty: Zmarty, chat: Pool, trading: Pool) -> None:
    said = [await zmarty(verb, QUEUE) for verb in ("pause", "pause", "resume", "resume")]

    assert [done.stdout.splitlines()[0] for done in said] == [
        f"✓ {QUEUE} is paused",
        f"{QUEUE} was paused already",
        f"✓ {QUEUE} goes on",
        f"{QUEUE} was not paused",
    ]
    assert await trading.fetchval("select count(*) from queueing.pauses") == 0
    assert len(await audited(chat)) == 8


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("pause", "nothing"), "There are analyze_market, backfill_candles"),
        (("peek", f"{QUEUE}_dead"), "there is no queue"),
        (("retry", QUEUE), "give --all"),
        (("retry", QUEUE, "1", "--all"), "give --all"),
    ],
)
async def test_a_refusal_says_what_to_do(
    zmarty: Zmarty, chat: Pool, arguments: tuple[str, ...], said: str
) -> None:
    refused = await zmarty(*arguments)

    assert refused.returncode == 1
    assert said in refused.stderr
    assert "Traceback" not in refused.stderr
    assert await audited(chat) == []


async def test_what_cannot_be_audited_is_not_done(zmarty: Zmarty, trading: Pool) -> None:
    (letter,) = await bury(trading)

    refused = await zmarty(
        "retry", QUEUE, str(letter), CHAT_OWNER_DATABASE_URL="postgresql://u@127.0.0.1:1/chat"
    )

    assert refused.returncode == 1
    assert "zmarty doctor" in refused.stderr
    assert await depth(trading, f"{QUEUE}_dead") == 1


async def test_a_database_without_the_migration_is_told_so(zmarty: Zmarty, bare_database: Any) -> None:
    refused = await zmarty("stats", TRADING_OWNER_DATABASE_URL=bare_database.dsn())

    assert refused.returncode == 1
    assert "zmarty migrate" in refused.stderr


async def test_the_apis_own_login_is_enough(
    zmarty: Zmarty, chat_dsn: Callable[..., str], trading_dsn: Callable[..., str], trading: Pool
) -> None:
    await bury(trading)

    done = await zmarty(
        "retry",
        QUEUE,
        "--all",
        CHAT_OWNER_DATABASE_URL=chat_dsn("zmarty_api"),
        TRADING_OWNER_DATABASE_URL=trading_dsn("zmarty_api"),
    )

    assert done.returncode == 0, done.stderr
    assert await depth(trading) == 1


async def test_a_run_that_breaks_off_says_how_far_it_came(chat: Pool, trading: Pool) -> None:
    letters = await bury(trading, count=queues.STEP + 1)

    async with chat.acquire() as logged, trading.acquire() as broken:
        at = Desk(broken, logged, "console:ada")
        with pytest.raises(asyncpg.InterfaceError):
            await queues.retry(at, QUEUE, letters, report=lambda _: _hang_up(broken))

    assert (await audited(chat))[1] == (
        "dead_letters_retry_failed",
        f"queue:{QUEUE}",
        {"count": queues.STEP},
        True,
    )


def _hang_up(connection: Connection) -> None:
    connection.terminate()
