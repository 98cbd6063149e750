"""What must not be lost or doubled: workers killed in the middle of a job, two workers at once, bad messages, bad requests."""

import json
import os
import signal
from typing import Any

import pytest

from tests.journeys.conftest import World
from tests.journeys.test_blueprint import until, watch

# Nobody else's in a system that others may share, in its symbol as in what is done to it.
PAIR = ("ATOM/USDT", "1h")


async def test_a_killed_worker_loses_nothing_and_doubles_nothing(world: World) -> None:
    # An earlier run has stored them, and only a whole history is asked of the exchange that is held here.
    await world.trading.execute("delete from candles where symbol = $1 and timeframe = $2", *PAIR)
    judged_before = await judgements(world)
    await world.control("exchange", hold=True)
    sent = await world.trading.fetchval(
        "select pgmq.send('ingest_indicators', jsonb_build_object('symbol', $1::text, 'timeframe', $2::text))",
        *PAIR,
    )
    await until(lambda: waiting(world))  # the job is in the middle of its request
    assert (
        await world.trading.fetchval("select read_ct from pgmq.q_ingest_indicators where msg_id = $1", sent)
        == 1
    )

    for name in ("worker", "worker-2"):
        os.kill(world.system.status()["services"][name]["pid"], signal.SIGKILL)
    # What the dead workers held comes back when the lease ends; a test need not wait for all of it.
    await world.trading.execute("update pgmq.q_ingest_indicators set vt = now() where msg_id = $1", sent)
    await world.control("exchange", hold=False)

    await until(
        lambda: world.trading.fetchval("select msg_id from pgmq.a_ingest_indicators where msg_id = $1", sent),
    )
    assert (
        await world.trading.fetchval("select count(*) from pgmq.a_ingest_indicators where msg_id = $1", sent)
        == 1
    )
    candles = "select count(*) from candles where symbol = $1 and timeframe = $2"
    assert await world.trading.fetchval(candles, *PAIR) == 2000

    async def judged() -> bool:
        return await judgements(world) > judged_before

    await until(judged)
    assert await judgements(world) == judged_before + 1
    signals = "select count(*) from signals where symbol = $1 and timeframe = $2"
    assert await world.trading.fetchval(signals, *PAIR)
    doubled = await world.trading.fetchval(
        "select count(*) from (select from signals where symbol = $1 and timeframe = $2 "
        "group by opened_at, strategy_version having count(*) > 1) as twice",
        *PAIR,
    )
    assert doubled == 0
    restarts = world.system.status()["services"]
    assert restarts["worker"]["restarts"] >= 1
    assert restarts["worker-2"]["restarts"] >= 1


async def judgements(world: World) -> int:
    """How many jobs have judged the pair, in the whole life of the system."""
    done = await world.trading.fetchval(
        "select count(*) from pgmq.a_compute_signals where message ->> 'symbol' = $1 and message ->> 'timeframe' = $2",
        *PAIR,
    )
    return int(done)


async def waiting(world: World) -> bool:
    return bool((await world.simulators.get("/_control")).json()["exchange"]["waiting_count"])


async def test_both_workers_complete_work(world: World) -> None:
    await world.trading.execute(
        "select pgmq.send_batch('compute_winrate'::text, "
        "array(select jsonb_build_object('symbol', 'BTC/USDT', 'timeframe', '5m') from generate_series(1, 200)))"
    )
    await until(lambda: all_done(world, "compute_winrate"))

    async def both() -> bool:
        rows = await world.trading.fetch(
            "select metrics -> 'compute_winrate' -> 'endings' as endings from worker_heartbeats"
        )
        done = [sum(json.loads(row["endings"]).values()) for row in rows]
        return len(done) == 2 and min(done) > 0

    await until(both)


async def all_done(world: World, queue: str) -> bool:
    return not await world.trading.fetchval(f"select count(*) from pgmq.q_{queue}")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("null", "message_malformed"),
        ("[1, 2]", "message_malformed"),
        ('{"timeframe": "1h"}', "message_malformed"),
        ('{"symbol": "NOPE/USDT", "timeframe": "1h"}', "symbol_unknown"),
        ('{"symbol": "BTC/USDT", "timeframe": "1h", "v": 9}', "version_unknown"),
    ],
)
async def test_a_hopeless_message_is_buried_with_its_reason(world: World, body: str, code: str) -> None:
    before = await world.trading.fetchval(
        "select coalesce(max(msg_id), 0) from pgmq.q_ingest_indicators_dead"
    )
    await world.trading.execute("select pgmq.send('ingest_indicators', $1::text::jsonb)", body)

    # Not the newest of all: what the schedules send meanwhile is none of ours.
    dead = await until(
        lambda: world.trading.fetchval(
            "select message from pgmq.q_ingest_indicators_dead where msg_id > $1 and message -> 'original' = $2::text::jsonb",
            before,
            body,
        )
    )
    assert json.loads(dead)["code"] == code


BAD_REQUESTS: list[tuple[dict[str, Any], int, str]] = [
    ({"message": ""}, 422, "field_invalid"),
    ({"message": "x" * 100_000}, 422, "field_invalid"),
    ({"message": "hi", "model": "eliza"}, 422, "field_invalid"),
    ({"message": "hi", "symbol": "NOPE/USDT"}, 404, "symbol_unknown"),
    ({"message": "hi", "symbol": "BTCUSDT.P"}, 422, "symbol_unsupported"),
    ({}, 422, "field_invalid"),
]


@pytest.mark.parametrize(("body", "status", "code"), BAD_REQUESTS)
async def test_a_bad_question_costs_nothing(
    world: World, body: dict[str, Any], status: int, code: str
) -> None:
    headers = world.sign_up()

    answer = await world.api.post("/chat", json=body, headers=headers)

    assert (answer.status_code, answer.json()["error"]) == (status, code), answer.text
    assert answer.json()["request_id"]
    balance = (await world.api.get("/v1/credits", headers=headers)).json()
    assert (balance["balance"], balance["held"]) == (100, 0)


async def test_without_credits_a_question_is_refused(world: World) -> None:
    headers = world.sign_up()
    await world.api.get("/v1/credits", headers=headers)
    await world.chat.execute(
        "select private.hold_credits(user_id, balance, 600) from credit_accounts "
        "where user_id = (select id from auth.users order by created_at desc limit 1)"
    )

    answer = await world.api.post("/chat", json={"message": "hi"}, headers=headers)

    assert (answer.status_code, answer.json()["error"]) == (402, "credits_exhausted")


async def test_a_second_user_sees_nothing_of_the_first(world: World) -> None:
    ada, bob = world.sign_up(), world.sign_up()
    await watch(world, ada, "LINK/USDT")
    await world.api.post("/chat", json={"message": "How is LINK?", "stream": False}, headers=ada)

    assert (await world.api.get("/v1/symbols", headers=bob)).json()["items"] == []
    assert (await world.api.get("/v1/credits", headers=bob)).json()["balance"] == 100
    assert [row["symbol"] for row in (await world.api.get("/v1/symbols", headers=ada)).json()["items"]] == [
        "LINK/USDT"
    ]


async def test_the_admin_data_is_for_operators(world: World) -> None:
    refused = await world.api.get("/v1/admin/queues", headers=world.sign_up())
    assert (refused.status_code, refused.json()["error"]) == (403, "operator_required")

    answer = await world.api.get("/v1/admin/queues", headers=world.sign_up(is_operator=True))
    assert answer.status_code == 200
    assert {row["name"] for row in answer.json()["queues"]} >= {
        "ingest_indicators",
        "compute_signals",
        "compute_winrate",
    }


async def test_cron_really_runs(world: World) -> None:
    """pg_cron fires each minute; the journeys start with the system, so a run is never far."""

    async def ran() -> bool:
        rows = await world.trading.fetch(
            "select status, return_message from cron.job_run_details where status <> 'running'"
        )
        assert all(row["status"] != "failed" for row in rows), [row["return_message"] for row in rows]
        return bool(rows)

    await until(ran, seconds=180)


async def test_health_names_what_is_wrong_and_recovers(world: World) -> None:
    assert (await world.api.get("/livez")).status_code == 200
    refused = await world.chat.fetchval(
        "insert into outbox (user_id, payload, parked_at) values (gen_random_uuid(), '{}', now()) returning id"
    )

    await until(lambda: parked_is_told(world, told=True))
    await world.chat.execute("delete from outbox where id = $1", refused)
    await until(lambda: parked_is_told(world, told=False))


async def parked_is_told(world: World, *, told: bool) -> bool:
    answer = await world.api.get("/healthz")
    assert answer.status_code == 200
    return told == any("refused by the trading database" in reason for reason in answer.json()["reasons"])
