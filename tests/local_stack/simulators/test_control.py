"""What tests may do to a vendor, and what they see afterwards."""

import asyncio
import time

import httpx
import pytest

from .conftest import Simulators

PING = "/exchange/api/v3/ping"


async def waiting(client: httpx.AsyncClient, vendor: str, count: int) -> None:
    async with asyncio.timeout(30):
        while (await client.get("/_control")).json()[vendor]["waiting_count"] != count:
            await asyncio.sleep(0.01)


async def test_held_requests_wait_until_released(simulators: Simulators) -> None:
    simulators.control("exchange", hold=True)
    async with httpx.AsyncClient(base_url=simulators.url, timeout=30) as client:
        held = [asyncio.create_task(client.get(PING)) for _ in range(3)]
        await waiting(client, "exchange", 3)
        other = await client.get("/kingfisher/clusters/BTC-USDT")
        assert not any(task.done() for task in held)

        await client.post("/exchange/_control", json={"hold": False})
        responses = await asyncio.gather(*held)

    assert other.status_code == 200
    assert [response.status_code for response in responses] == [200] * 3


async def test_resetting_releases_what_is_held(simulators: Simulators) -> None:
    simulators.control("exchange", hold=True)
    async with httpx.AsyncClient(base_url=simulators.url, timeout=30) as client:
        held = asyncio.create_task(client.get(PING))
        await waiting(client, "exchange", 1)

        await client.delete("/_control")

        assert (await held).status_code == 200


async def test_a_client_that_leaves_holds_nothing_open(simulators: Simulators) -> None:
    simulators.control("exchange", hold=True)
    async with httpx.AsyncClient(base_url=simulators.url, timeout=30) as client:
        with pytest.raises(httpx.ReadTimeout):
            await client.get(PING, timeout=0.2)

        await waiting(client, "exchange", 0)


def test_failures_are_counted_down(simulators: Simulators) -> None:
    simulators.control("exchange", fail={"status": 503, "times": 2, "retry_after": 1})

    responses = [simulators.client.get(PING) for _ in range(3)]

    assert [response.status_code for response in responses] == [503, 503, 200]
    assert responses[0].headers["retry-after"] == "1"
    assert responses[0].json()["code"] == -1008


def test_a_failure_may_have_a_path_and_an_end(simulators: Simulators) -> None:
    simulators.control("exchange", fail={"status": 500, "path": "klines", "seconds": 0.2})
    klines = "/exchange/api/v3/klines?symbol=BTCUSDT&interval=1h&limit=1"

    assert simulators.client.get(PING).status_code == 200
    assert simulators.client.get(klines).status_code == 500
    deadline = time.monotonic() + 30
    while simulators.client.get(klines).status_code == 500:
        assert time.monotonic() < deadline


def test_latency_delays_one_vendor(simulators: Simulators) -> None:
    simulators.control("exchange", latency_ms=1_000)
    started = time.monotonic()
    simulators.client.get("/kingfisher/clusters/BTC-USDT")
    assert time.monotonic() - started < 1

    simulators.client.get(PING)

    assert time.monotonic() - started >= 1


def test_a_silent_vendor_never_answers(simulators: Simulators) -> None:
    simulators.control("exchange", silent=True)

    with pytest.raises(httpx.ReadTimeout):
        simulators.client.get(PING, timeout=0.2)


def test_all_vendors_can_be_changed_at_once(simulators: Simulators) -> None:
    simulators.client.post("/_control", json={"fail": {"status": 503}}).raise_for_status()

    paths = [
        PING,
        "/kingfisher/clusters/BTC-USDT",
        "/xai/v1/models",
        "/anthropic/v1/models",
        "/elevenlabs/v1/voices",
    ]

    assert {simulators.client.get(path).status_code for path in paths} == {503}


@pytest.mark.parametrize(
    "body",
    [
        '{"speed": 1}',
        '{"fail": {"mood": 1}}',
        '{"hold": "yes"}',
        '{"latency_ms": -1}',
        "[]",
        "{",
        '{"fail": 503}',
        '{"fail": {"status": "bad"}}',
        '{"fail": {"status": 503, "times": "two"}}',
        '{"limit": {"per_second": 0, "burst": 1}}',
    ],
)
def test_unknown_controls_are_refused_and_change_nothing(simulators: Simulators, body: str) -> None:
    before = simulators.client.get("/_control").json()

    response = simulators.client.post("/_control", content=body)

    assert response.status_code == 400
    assert response.json()["error"]
    assert simulators.client.get("/_control").json() == before


def test_an_unknown_vendor_is_404(simulators: Simulators) -> None:
    assert simulators.client.post("/nobody/_control", json={}).status_code == 404
    assert simulators.client.get("/_requests", params={"vendor": "nobody"}).status_code == 404


def test_requests_are_recorded_without_secrets(simulators: Simulators) -> None:
    simulators.client.get("/cryptometer/coininfo/", params={"api_key": "sim-secret", "e": "binance"})
    simulators.client.post(
        "/openai/v1/chat/completions",
        json={"model": "gpt-6-luna", "messages": [{"role": "user", "content": "hi"}]},
        headers={"authorization": "Bearer sim-secret"},
    )

    everything = simulators.client.get("/_requests")
    chat = simulators.client.get("/_requests", params={"vendor": "openai"}).json()["requests"]

    assert "sim-secret" not in everything.text
    assert [record["vendor"] for record in everything.json()["requests"]] == ["cryptometer", "openai"]
    assert everything.json()["requests"][0]["query"] == "e=binance"
    assert chat[0]["path"] == "/v1/chat/completions"
    assert chat[0]["status"] == 200
    assert chat[0]["body"]["messages"] == [{"role": "user", "content": "hi"}]


def test_the_status_names_the_market(simulators: Simulators) -> None:
    status = simulators.client.get("/_status").json()

    assert status["market"]["source"] == "synthetic"
    assert simulators.client.get("/_health").json() == {"status": "ok"}
