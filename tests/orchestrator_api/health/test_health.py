"""/livez, /healthz and /metrics against real databases, and the judgement on its own."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import httpx2
import pytest

from orchestrator_api.health.probes import Probes
from orchestrator_api.health.vitals import (
    CronRun,
    Queue,
    Worker,
    cron_troubles,
    horizon_troubles,
    longest_pause,
    queue_troubles,
    worker_troubles,
)
from orchestrator_api.providers import Access
from orchestrator_api.resources import Resources
from zmarty.postgres import Pool


async def beat(trading: Pool, *, age_seconds: float = 0, progress_age_seconds: float = 0) -> None:
    await trading.execute(
        """
        insert into worker_heartbeats (worker_id, started_at, beat_at, progressed_at, version, metrics)
        values ('worker', now(), now() - make_interval(secs => $1), now() - make_interval(secs => $2), 'v1',
          '{"compute_signals": {"endings": {"done": 7, "odd": "x"}, "in_flight": 2, "retries": 3, "leases_renewed": 4,
             "leases_lost": 1, "duration_ms_total": 1500.0, "duration_buckets": {"5": 2, "100": 6, "+Inf": 7}},
            "compute_winrate": {"duration_buckets": {"5": 9, "+Inf": 7}, "retries": true}, "odd": 3}')
        on conflict (worker_id) do update
        set beat_at = excluded.beat_at, progressed_at = excluded.progressed_at
        """,
        age_seconds,
        progress_age_seconds,
    )


async def run_schedules(*pools: Pool) -> None:
    for pool in pools:
        await pool.execute(
            """
            insert into cron.job_run_details (jobid, status, start_time, end_time)
            select jobid, 'succeeded', now(), now() from cron.job
            """
        )


async def test_life_needs_no_database(api: httpx2.AsyncClient, chat_api: Pool, trading_api: Pool) -> None:
    await chat_api.close()
    await trading_api.close()

    answer = await api.get("/livez")

    assert (answer.status_code, answer.json()) == (200, {"status": "alive", "commit": "test-commit"})


async def test_a_working_system_is_healthy(
    api: httpx2.AsyncClient, resources: Resources, chat: Pool, trading: Pool
) -> None:
    await resources.keys.refresh()
    await beat(trading)

    health = (await api.get("/healthz")).json()

    assert (health["status"], health["reasons"]) == ("healthy", [])
    assert health["commit"] == "test-commit"
    assert {queue["name"] for queue in health["queues"]} >= {
        "ingest_indicators",
        "compute_signals",
        "compute_winrate",
    }
    assert health["databases"]["chat"]["latency_ms"] > 0
    assert health["databases"]["trading"]["connections_max"] == 10
    assert {run["job_name"] for run in health["cron"]} >= {"expire-holds", "enqueue-due-ingests"}
    assert health["outbox"] == {"pending": 0, "oldest_age_seconds": None, "parked": 0}


async def test_troubles_are_named_and_degrade(
    api: httpx2.AsyncClient, auth: Any, chat: Pool, trading: Pool
) -> None:
    auth.is_online = False
    await beat(trading, age_seconds=120)
    await chat.execute(
        "insert into outbox (user_id, payload, created_at) values (gen_random_uuid(), '{}', now() - interval '2 minutes')"
    )
    await chat.execute(
        "insert into outbox (user_id, payload, parked_at) values (gen_random_uuid(), '{}', now())"
    )
    await trading.execute("select pgmq.send('compute_signals', '{}'::jsonb)")
    await trading.execute("update pgmq.q_compute_signals set vt = now() - interval '20 minutes'")
    await trading.execute("select pgmq.send('compute_signals_dead', '{}'::jsonb)")

    answer = await api.get("/healthz")
    health = answer.json()

    assert (answer.status_code, health["status"]) == (200, "degraded")
    reasons = " · ".join(health["reasons"])
    for part in (
        "keys of the auth server",
        "no worker",
        "mirror is 12",
        "1 change was refused",
        "compute_signals waits",
    ):
        assert part in reasons
    (queue,) = (queue for queue in health["queues"] if queue["name"] == "compute_signals")
    assert (queue["depth"], queue["dead"]) == (1, 1)


async def test_a_postponed_message_is_not_late(api: httpx2.AsyncClient, trading: Pool) -> None:
    await trading.execute("select pgmq.send('compute_signals', '{}'::jsonb, 3600)")
    await trading.execute("update pgmq.q_compute_signals set enqueued_at = now() - interval '2 hours'")

    health = (await api.get("/healthz")).json()

    (queue,) = (queue for queue in health["queues"] if queue["name"] == "compute_signals")
    assert (queue["depth"], queue["postponed"], queue["oldest_age_seconds"]) == (1, 1, None)


async def test_a_database_that_is_down_is_503_and_said_soon(
    api: httpx2.AsyncClient, chat_api: Pool, trading: Pool
) -> None:
    await chat_api.close()
    started = time.monotonic()

    answer = await api.get("/healthz")

    assert answer.status_code == 503
    assert answer.json()["status"] == "unavailable"
    assert answer.json()["databases"]["chat"]["status"] == "down"
    assert answer.json()["databases"]["trading"]["status"] == "healthy"
    assert answer.json()["outbox"] is None
    assert time.monotonic() - started < 20


async def test_many_callers_share_one_look(
    api: httpx2.AsyncClient, resources: Resources, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = 0
    look = type(resources.checkup)._look

    async def counted(self: Any, given: Resources) -> Any:
        nonlocal looks
        looks += 1
        return await look(self, given)

    monkeypatch.setattr(type(resources.checkup), "_look", counted)

    await asyncio.gather(*(api.get("/healthz") for _ in range(20)))

    assert looks == 1


async def test_metrics_are_readable_and_count_requests(api: httpx2.AsyncClient, trading: Pool) -> None:
    from prometheus_client.parser import text_string_to_metric_families

    await beat(trading)
    await trading.execute("select pgmq.send('compute_signals', '{}'::jsonb)")
    await api.get("/livez")
    await api.get("/made/up/path")

    answer = await api.get("/metrics")

    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    samples = {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }
    assert samples["zmarty_queue_depth", (("queue", "compute_signals"),)] == 1
    assert (
        samples["zmarty_http_requests_total", (("method", "GET"), ("route", "/livez"), ("status", "200"))]
        == 1
    )
    assert (
        "zmarty_http_requests_total",
        (("method", "GET"), ("route", "unmatched"), ("status", "404")),
    ) in samples
    assert samples["zmarty_worker_heartbeat_age_seconds", (("worker", "worker"),)] < 30
    deliveries = (("ending", "done"), ("queue", "compute_signals"), ("worker", "worker"))
    assert samples["zmarty_worker_deliveries", deliveries] == 7
    mine = (("queue", "compute_signals"), ("worker", "worker"))
    assert samples["zmarty_worker_in_flight", mine] == 2
    assert samples["zmarty_worker_retries_total", mine] == 3
    assert samples["zmarty_worker_leases_renewed_total", mine] == 4
    assert samples["zmarty_worker_leases_lost_total", mine] == 1
    assert samples["zmarty_job_duration_seconds_bucket", (("le", "0.1"), *mine)] == 6
    assert samples["zmarty_job_duration_seconds_bucket", (("le", "+Inf"), *mine)] == 7
    assert samples["zmarty_job_duration_seconds_count", mine] == 7
    assert samples["zmarty_job_duration_seconds_sum", mine] == 1.5
    odd = (("queue", "compute_winrate"), ("worker", "worker"))
    assert ("zmarty_job_duration_seconds_count", odd) not in samples
    assert ("zmarty_worker_retries_total", odd) not in samples


async def test_probes_ask_free_endpoints_with_the_key() -> None:
    asked: dict[str, httpx.Request] = {}

    def answer(request: httpx.Request) -> httpx.Response:
        asked[str(request.url)] = request
        if "openai" in request.url.host:
            return httpx.Response(401)
        if "elevenlabs" in request.url.host:
            raise httpx.ReadTimeout("slow", request=request)
        return httpx.Response(200, json={"data": []})

    vendors = {
        "xai": Access("https://api.x.ai/v1", "key-x"),
        "openai": Access("https://api.openai.com/v1", "key-o"),
        "anthropic": Access("https://api.anthropic.com", "key-a"),
        "elevenlabs": Access("https://api.elevenlabs.io", "key-e"),
        "other": Access("https://other.test", None),
    }
    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as client:
        probes = Probes(vendors, client)
        assert probes.findings["xai"].state == "unknown"
        await probes.refresh()

    states = {name: (finding.state, finding.reason) for name, finding in probes.findings.items()}
    assert states == {
        "xai": ("healthy", None),
        "openai": ("down", "status 401"),
        "anthropic": ("healthy", None),
        "elevenlabs": ("down", "ReadTimeout"),
        "other": ("not_configured", None),
    }
    assert asked["https://api.x.ai/v1/models"].headers["authorization"] == "Bearer key-x"
    assert asked["https://api.anthropic.com/v1/models"].headers["x-api-key"] == "key-a"
    assert len(asked) == 4


@pytest.mark.parametrize(
    ("schedule", "pause"),
    [
        ("* * * * *", timedelta(minutes=1)),
        ("*/10 * * * *", timedelta(minutes=10)),
        ("7 * * * *", timedelta(hours=1)),
        ("0 */4 * * *", timedelta(hours=4)),
        ("23 3 * * *", timedelta(days=1)),
        ("0 0 * * 1", timedelta(days=7)),
        ("0 0 1 * *", timedelta(days=31)),
        ("", timedelta(minutes=1)),
    ],
)
def test_a_schedule_says_how_long_it_may_rest(schedule: str, pause: timedelta) -> None:
    assert longest_pause(schedule) == pause


@pytest.mark.parametrize(
    ("age_seconds", "status", "up_seconds", "said"),
    [
        (30, "succeeded", 9e9, ""),
        (30, "failed", 9e9, "failed"),
        (299, "succeeded", 9e9, ""),
        (301, "succeeded", 9e9, "late"),
        (None, None, 60, ""),
        (None, None, 301, "late"),
    ],
)
def test_a_late_or_failed_schedule_is_a_trouble(
    age_seconds: float | None, status: str | None, up_seconds: float, said: str
) -> None:
    run = CronRun(
        database="trading",
        job_name="enqueue-due-ingests",
        schedule="* * * * *",
        status=status,
        message=None,
        started_at=None,
        ended_at=None,
        age_seconds=age_seconds,
    )

    troubles = list(cron_troubles([run], up_seconds=up_seconds))

    assert len(troubles) == bool(said)
    assert all(said in trouble for trouble in troubles)


def test_a_stalled_worker_is_a_trouble_and_a_gone_one_is_not() -> None:
    def worker(beat_age: float, progress_age: float) -> Worker:
        now = datetime.now(UTC)
        return Worker(
            worker_id="w",
            version="v",
            started_at=now,
            beat_at=now,
            beat_age_seconds=beat_age,
            progress_age_seconds=progress_age,
            metrics={},
        )

    assert list(worker_troubles([worker(1, 1), worker(9999, 9999)])) == []
    assert "has not got on" in "".join(worker_troubles([worker(1, 181)]))
    assert list(worker_troubles([])) == ["no worker is running"]


def test_only_old_messages_are_a_trouble() -> None:
    def queue(age: float | None) -> Queue:
        return queue_of(oldest_age_seconds=age)

    assert list(queue_troubles([queue(None), queue(899)])) == []
    assert len(list(queue_troubles([queue(901)]))) == 1


def test_a_paused_queue_and_a_pinned_horizon_are_said() -> None:
    assert list(queue_troubles([queue_of(paused_at=datetime.now(UTC))])) == ["queue q is paused"]
    assert list(horizon_troubles(None)) == list(horizon_troubles(899)) == []
    assert "vacuumed" in "".join(horizon_troubles(901))


def queue_of(**changes: Any) -> Queue:
    numbers = dict.fromkeys(
        ("due", "postponed", "in_flight", "total", "dead", "archived", "table_bytes", "dead_tuples"), 0
    )
    standing = {"name": "q", "depth": 1, "oldest_age_seconds": None, "paused_at": None, **numbers, **changes}
    return Queue.model_validate(standing)
