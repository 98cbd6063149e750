"""GET /v1/events against real servers and a real Postgres: who hears what, in which order, exactly once."""

import asyncio
import json
import socket
import time
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import asyncpg
import httpx2
import pytest

from orchestrator_api.app import keep_live
from orchestrator_api.events.rows import DATA
from orchestrator_api.resources import Resources
from tests.orchestrator_api.conftest import serving
from tests.orchestrator_api.events.conftest import (
    PATIENCE_SECONDS,
    Person,
    Stream,
    listening,
    save_candles,
    watch,
)
from tests.orchestrator_api.support import AuthServer, add_user, bearer
from tests.support.databases import Database, TemplateCluster
from zmarty import jobs
from zmarty.postgres import Pool

LISTENER = "zmarty-api-listen"


async def test_who_watches_a_pair_hears_of_it(server: str, trading: Pool, ada: Person) -> None:
    await watch(trading, ada)
    async with listening(server, ada.token) as stream:
        await save_candles(trading, count=3)

        told = await stream.first("candle")

    assert told["data"]["symbol"] == "BTC/USDT"
    assert told["data"]["timeframe"] == "1h"
    assert told["data"]["count"] == 3
    assert told["id"]


async def test_others_hear_nothing(server: str, trading: Pool, ada: Person, bob: Person) -> None:
    await watch(trading, ada)
    await watch(trading, bob, "ETH/USDT")
    async with listening(server, ada.token) as hers, listening(server, bob.token) as his:
        await save_candles(trading)
        await save_candles(trading, timeframe="4h")
        job_id = await jobs.create(trading, kind="sync", user_id=ada.id)
        await jobs.create(trading, kind="sync", user_id=None)
        await watch(trading, ada, "SOL/USDT")
        await save_candles(trading, "ETH/USDT")

        await his.first("candle", symbol="ETH/USDT")
        await hers.first("watcher", symbol="SOL/USDT")

    assert [event["type"] for event in his.events if event["id"]] == ["ready", "candle"]
    assert [event["data"]["id"] for event in hers.of("job")] == [str(job_id)]
    assert [event["data"]["symbol"] for event in hers.of("candle")] == ["BTC/USDT"]


async def test_what_is_watched_now_counts(server: str, trading: Pool, ada: Person) -> None:
    async with listening(server, ada.token) as stream:
        await save_candles(trading, volume=1)
        await watch(trading, ada)
        await save_candles(trading, volume=2)
        await watch(trading, ada, active=False, version=2)
        await save_candles(trading, volume=3)
        await watch(trading, ada, active=True, version=3)

        await stream.count("watcher", 3)

    assert [kind for _, kind in stream.told()] == ["watcher", "candle", "watcher", "watcher"]
    assert [event["data"]["active"] for event in stream.of("watcher")] == [True, False, True]
    assert {event["data"]["mirror"]["state"] for event in stream.of("watcher")} == {"mirrored"}


async def test_a_backfill_is_one_event_for_a_statement(server: str, trading: Pool, ada: Person) -> None:
    await watch(trading, ada)
    async with listening(server, ada.token) as stream:
        await trading.execute(
            """
            insert into signals (symbol, timeframe, opened_at, strategy_version, origin, direction, score, strength,
                                 entry_price, verdict, expires_at)
            select 'BTC/USDT', '1h', now() - n * interval '1 hour', 'v1', 'backfill', 'flat', 0, 1, 1, 'watch', now()
            from generate_series(1, 2000) as n
            """
        )
        await trading.execute(
            """
            insert into win_rate (symbol, timeframe, strategy_version, direction, horizon, lookback_days, origin, n,
                                  n_effective, wins, losses, expired)
            select 'BTC/USDT', '1h', 'v1', direction, '24h', 30, 'all', 0, 0, 0, 0, 0
            from unnest(array['long', 'short', 'all']) as direction
            """
        )
        await stream.first("win_rate", count=3)

    assert [kind for _, kind in stream.told()] == ["signal", "win_rate"]
    assert stream.of("signal", origin="backfill", count=2000)


async def test_two_instances_tell_the_same_in_the_same_order(
    server: str, other_server: str, trading: Pool, ada: Person
) -> None:
    await watch(trading, ada)
    async with listening(server, ada.token) as one, listening(other_server, ada.token) as other:
        await asyncio.gather(*(save_candles(trading, volume=volume) for volume in range(2, 40)))

        await one.count("candle", 38)
        await other.count("candle", 38)

    assert one.told() == other.told()


async def test_resuming_elsewhere_tells_exactly_what_was_missed(
    server: str, other_server: str, trading: Pool, ada: Person, bob: Person
) -> None:
    await watch(trading, ada)
    await watch(trading, bob)
    async with listening(server, bob.token) as witness:
        async with listening(server, ada.token) as before:
            for volume in range(1, 4):
                await save_candles(trading, volume=volume)
            await before.count("candle", 3)
        for volume in range(4, 9):
            await save_candles(trading, volume=volume)
        writing = asyncio.create_task(keep_saving(trading, range(9, 60)))
        headers = {"Last-Event-ID": before.last_id}
        async with listening(other_server, ada.token, **headers) as after:
            await writing
            await after.count("candle", 56)
            await witness.count("candle", 59)

    assert after.of("ready", resumed=True)
    assert before.told() + after.told() == witness.told()


async def keep_saving(trading: Pool, volumes: range) -> None:
    for volume in volumes:
        await save_candles(trading, volume=volume)


async def test_a_slow_transaction_is_not_skipped(
    server: str, other_server: str, trading: Pool, ada: Person
) -> None:
    await watch(trading, ada)
    async with listening(server, ada.token) as stream, trading.acquire() as slow:
        transaction = slow.transaction()
        await transaction.start()
        await save_candles(slow, timeframe="1h", count=2)
        # Begun later, committed earlier: whoever tells it now and moves on would never tell of the other.
        await watch(trading, ada, "ETH/USDT")
        async with (
            listening(server, ada.token) as newcomer,
            listening(other_server, ada.token, **{"Last-Event-ID": stream.last_id}) as elsewhere,
        ):
            await asyncio.sleep(0.5)
            assert stream.told() == newcomer.told() == elsewhere.told() == []
            await transaction.commit()

            for listener in (stream, newcomer, elsewhere):
                await listener.first("watcher", symbol="ETH/USDT")

    assert [kind for _, kind in stream.told()] == ["candle", "watcher"]
    assert stream.told() == newcomer.told() == elsewhere.told()


async def test_a_transaction_rolled_back_tells_nothing(server: str, trading: Pool, ada: Person) -> None:
    await watch(trading, ada)
    async with listening(server, ada.token) as stream:
        async with trading.acquire() as connection:
            transaction = connection.transaction()
            await transaction.start()
            await save_candles(connection, count=5)
            await transaction.rollback()
        await save_candles(trading, count=1)

        await stream.first("candle")

    assert [event["data"]["count"] for event in stream.of("candle")] == [1]


async def test_many_writers_at_once_lose_nothing(server: str, trading: Pool, ada: Person) -> None:
    """Transactions that overlap at random: each is told once, to streams that come and go."""
    await watch(trading, ada)
    async with listening(server, ada.token) as witness:
        pieces: list[Stream] = []
        last_id = witness.last_id
        writers = [asyncio.create_task(write_slowly(trading, number)) for number in range(60)]
        while not all(writer.done() for writer in writers):
            async with listening(server, ada.token, **{"Last-Event-ID": last_id}) as piece:
                await asyncio.sleep(0.05)
            pieces.append(piece)
            last_id = piece.last_id
        async with listening(server, ada.token, **{"Last-Event-ID": last_id}) as piece:
            await witness.until(lambda seen: len(seen.told()) == 120, "two events of each writer")
            await piece.until(lambda seen: seen.last_id == witness.last_id, "the last of them")
        pieces.append(piece)

    assert len(pieces) > 2
    assert [told for piece in pieces for told in piece.told()] == witness.told()


async def write_slowly(trading: Pool, number: int) -> None:
    async with trading.acquire() as connection, connection.transaction():
        await connection.execute(
            "insert into events (type, symbol, timeframe) values ('candle', 'BTC/USDT', '1h')"
        )
        await connection.execute("select pg_sleep($1)", (number * 7 % 13) / 40)
        await connection.execute(
            "insert into events (type, symbol, timeframe) values ('signal', 'BTC/USDT', '1h')"
        )
        await connection.execute("select pg_notify('zmarty_changed', 'test')")


async def test_an_id_from_too_long_ago_is_told_to_start_anew(server: str, trading: Pool, ada: Person) -> None:
    await watch(trading, ada)
    async with listening(server, ada.token) as stream:
        await save_candles(trading)
        await stream.first("candle")
    await save_candles(trading, volume=2)
    await trading.execute("update events set created_at = now() - interval '13 hours'")
    assert await trading.fetchval("select private.trim_events()") > 0

    async with listening(server, ada.token, **{"Last-Event-ID": stream.last_id}) as late:
        reset = late.events[0]
        await save_candles(trading, volume=3)
        await late.first("candle")

    assert (reset["type"], reset["data"]) == ("reset", {"reason": "too_old"})
    assert [kind for _, kind in late.told()] == ["candle"], "what happened before the reset is not told"
    async with listening(server, ada.token, **{"Last-Event-ID": reset["id"]}) as resumed:
        await resumed.first("candle")


@pytest.mark.parametrize("last_event_id", ["7", "x-1", "-", "1-2-3", "999999999-1", f"{'9' * 40}-1", "²-1"])
async def test_an_id_that_is_not_ours_is_told_to_start_anew(
    server: str, ada: Person, last_event_id: str
) -> None:
    async with (
        httpx2.AsyncClient() as client,
        client.stream(
            "GET", f"{server}/v1/events", params={"last_event_id": last_event_id}, headers=bearer(ada.token)
        ) as response,
    ):
        stream = Stream()
        reading = asyncio.create_task(stream.read(response))
        reset = await stream.first("reset")
        reading.cancel()

    assert reset["data"] == {"reason": "unknown"}
    assert reset["id"]


async def test_the_id_may_come_in_the_query(server: str, trading: Pool, ada: Person) -> None:
    await watch(trading, ada)
    async with listening(server, ada.token) as stream:
        pass
    await save_candles(trading)

    async with (
        httpx2.AsyncClient() as client,
        client.stream(
            "GET", f"{server}/v1/events", params={"last_event_id": stream.last_id}, headers=bearer(ada.token)
        ) as response,
    ):
        resumed = Stream()
        reading = asyncio.create_task(resumed.read(response))
        await resumed.first("candle")
        reading.cancel()


@pytest.mark.timeout(180)
async def test_a_slow_client_is_told_and_loses_nothing(server: str, trading: Pool, ada: Person) -> None:
    events_count = 4_000
    received = b""
    reader, writer = await stalled_connection(server, ada)
    begin = await reader.readuntil(b"event: ready")
    begin += await reader.readuntil(b"\n\n")
    await trading.execute(
        """
        insert into events (type, user_id, data)
        select 'job', $1, jsonb_build_object('n', n, 'padding', repeat('x', 1000)) from generate_series(1, $2::integer) as n
        """,
        ada.id,
        events_count,
    )
    await trading.execute("select pg_notify('zmarty_changed', 'test')")
    await asyncio.sleep(1.5)
    async with asyncio.timeout(PATIENCE_SECONDS):
        while piece := await reader.read(65_536):
            received += piece
    writer.close()

    frames = [frame for frame in unchunked(received).split("\n\n") if "event: " in frame]
    assert '{"reason":"too_slow"}' in frames[-1]
    first = [json.loads(frame.rpartition("data: ")[2])["n"] for frame in frames if "event: job" in frame]
    assert 0 < len(first) < events_count
    last_id = [frame for frame in frames if "\nid: " in frame][-1].partition("id: ")[2].partition("\n")[0]
    async with listening(server, ada.token, **{"Last-Event-ID": last_id}) as stream:
        rest = await stream.count("job", events_count - len(first))
    assert [*first, *(event["data"]["n"] for event in rest)] == list(range(1, events_count + 1))


async def stalled_connection(server: str, user: Person) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A client with little room that reads only when asked to."""
    host, _, port = server.removeprefix("http://").partition(":")
    endpoint = socket.socket()
    endpoint.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    endpoint.connect((host, int(port)))
    endpoint.setblocking(False)
    reader, writer = await asyncio.open_connection(sock=endpoint, limit=2048)
    writer.write(
        f"GET /v1/events HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {user.token}\r\nConnection: close\r\n\r\n".encode()
    )
    return reader, writer


def unchunked(body: bytes) -> str:
    """The text of a chunked body that was picked up after its first chunks."""
    text, rest = b"", body
    while rest:
        size, separator, rest = rest.partition(b"\r\n")
        if not separator:
            break
        if not size:
            continue
        length = int(size, 16)
        text += rest[:length]
        rest = rest[length:]
    return text.decode()


async def terminate(cluster: TemplateCluster, database: Database, *, application_name: str = "%") -> int:
    """Cut connections as a failing server does; how many there were."""
    rows = cluster.admin.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity where datname = %s and application_name like %s",
        (database.name, application_name),
    ).fetchall()
    return len(rows)


async def until(look: Callable[[], Awaitable[Any]]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await look():
            await asyncio.sleep(0.05)


async def test_losing_listen_loses_nothing(
    server: str, trading: Pool, ada: Person, trading_cluster: TemplateCluster, trading_database: Database
) -> None:
    async def is_listening() -> int:
        backends = "select count(*) from pg_stat_activity where application_name = $1 and datname = current_database()"
        return int(await trading.fetchval(backends, LISTENER))

    await watch(trading, ada)
    async with listening(server, ada.token) as stream:
        await until(is_listening)
        assert await terminate(trading_cluster, trading_database, application_name=LISTENER) == 1
        await save_candles(trading, volume=2)
        await stream.count("candle", 1)

        await until(is_listening)
        await save_candles(trading, volume=3)
        await stream.count("candle", 2)


@pytest.mark.timeout(180)
async def test_a_stream_survives_its_database(
    server: str, trading: Pool, ada: Person, trading_cluster: TemplateCluster, trading_database: Database
) -> None:
    await watch(trading, ada)
    async with listening(server, ada.token) as stream:
        await save_candles(trading, volume=1)
        await stream.count("candle", 1)
        name = trading_database.name
        trading_cluster.admin.execute(f"alter database {name} allow_connections false")
        await terminate(trading_cluster, trading_database)
        await stream.first("status", live=False)

        trading_cluster.admin.execute(f"alter database {name} allow_connections true")
        await stream.first("status", live=True)
        await until(lambda: reachable(trading))
        for volume in range(2, 5):
            await save_candles(trading, volume=volume)
        told = await stream.count("candle", 4)

    assert len({event["id"] for event in told}) == len(told) == 4


async def reachable(pool: Pool) -> bool:
    try:
        return bool(await pool.fetchval("select true"))
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
        return False


async def test_credits_are_told_to_their_owner(server: str, chat: Pool, auth: AuthServer) -> None:
    ada, bob = await add_user(chat), await add_user(chat)
    async with listening(server, auth.token(ada)) as hers, listening(server, auth.token(bob)) as his:
        await hers.first("credits", balance=100, held=0, available=100)
        await his.first("credits", balance=100)
        await chat.fetchval("select hold_id from private.hold_credits($1, 30, 60)", ada)

        await hers.first("credits", balance=100, held=30, available=70)
        await asyncio.sleep(0.3)

    assert len(his.of("credits")) == 1
    assert {event["id"] for event in hers.of("credits")} == {None}


async def test_a_change_that_is_late_in_the_mirror_is_told(
    server: str, chat: Pool, auth: AuthServer, trading: Pool
) -> None:
    user = await add_user(chat)
    await chat.execute("insert into user_symbols (user_id, symbol, timeframe) values ($1, 'BTC', '1h')", user)
    async with listening(server, auth.token(user)) as stream:
        await asyncio.sleep(0.3)
        assert stream.of("watcher") == [], "a change that is on its way is no news"
        await chat.execute(
            "update outbox set created_at = now() - interval '3 seconds' where user_id = $1", user
        )
        pending = await stream.first("watcher")
        await chat.execute("update outbox set parked_at = now() where user_id = $1", user)
        await stream.count("watcher", 2)
        await chat.execute(
            "update outbox set parked_at = null, delivered_at = now() where user_id = $1", user
        )
        told = await stream.count("watcher", 3)

    assert [event["data"]["mirror"]["state"] for event in told] == ["pending", "parked", "mirrored"]
    assert pending["data"]["symbol"] == "BTC/USDT"
    assert pending["data"]["active"] is True


async def test_queues_are_told_to_operators(
    server: str, trading: Pool, auth: AuthServer, ada: Person
) -> None:
    async with (
        listening(server, auth.operator_token()) as operators,
        listening(server, ada.token) as hers,
    ):
        await operators.first("queue", name="compute_signals", depth=0)
        await trading.execute("select pgmq.send('compute_signals', '{}')")
        await operators.first("queue", name="compute_signals", depth=1)
        job_id = await jobs.create(trading, kind="reconcile", user_id=None)
        await operators.first("job", id=str(job_id))

    assert hers.of("queue") == hers.of("job") == []


async def test_events_have_the_shapes_that_are_documented(
    server: str, trading: Pool, chat: Pool, auth: AuthServer
) -> None:
    user = await add_user(chat)
    ada = Person(user, auth.operator_token(user))
    async with listening(server, ada.token) as stream:
        await watch(trading, ada)
        await save_candles(trading)
        await jobs.progress(trading, await jobs.create(trading, kind="sync", user_id=user), 0.5)
        await stream.count("job", 2)
        await stream.first("queue")
        await stream.first("credits")

    assert {"watcher", "candle", "job", "queue", "credits", "ready"} <= {
        event["type"] for event in stream.events
    }
    for event in stream.events:
        DATA[event["type"]].model_validate(event["data"])


async def test_a_stream_ends_with_its_token(server: str, auth: AuthServer) -> None:
    async with listening(server, auth.token(exp=time.time() + 5)) as stream:
        assert await stream.end() == "token_expired"


async def test_a_stream_ends_with_its_server(live_resources: Resources, ada: Person) -> None:
    async with serving(live_resources) as url, listening(url, ada.token) as stream:
        live_resources.live.close()

        assert await stream.end() == "restarting"


async def test_too_many_streams_of_one_user_are_refused(
    server: str, live_resources: Resources, ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchestrator_api.events.live.STREAMS_PER_USER_MAX", 1)
    async with httpx2.AsyncClient() as client:
        async with listening(server, ada.token):
            refused = await client.get(f"{server}/v1/events", headers=bearer(ada.token))
        assert refused.status_code == 429
        assert refused.json()["error"] == "rate_limited"
        assert int(refused.headers["Retry-After"]) >= 1

        await until(lambda: nobody_listens(live_resources))
        async with listening(server, ada.token):
            pass


async def nobody_listens(resources: Resources) -> bool:
    return not resources.live.users


async def test_strangers_are_refused(server: str) -> None:
    async with httpx2.AsyncClient() as client:
        refused = await client.get(f"{server}/v1/events", headers={"Last-Event-ID": str(uuid4())})
    assert refused.status_code == 401


async def test_nothing_is_read_while_nobody_listens(
    resources: Resources, trading_dsn: Callable[..., str], trading: Pool
) -> None:
    keep_live(resources, trading_dsn("zmarty_api"))
    await asyncio.sleep(0.3)

    assert resources.live.position is None
