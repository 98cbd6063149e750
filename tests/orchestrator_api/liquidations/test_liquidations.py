"""Liquidation maps over HTTP: signed pushes in, newest maps, history and the monitor out."""

import base64
import json
import secrets
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest

from local_stack.simulators.seeing import png_with
from orchestrator_api.liquidations import push
from orchestrator_api.liquidations.image import IMAGE_BYTES_MAX
from orchestrator_api.model_router.router import Router
from orchestrator_api.resources import Resources
from tests.orchestrator_api.conftest import client_of
from tests.orchestrator_api.support import AuthServer, bearer
from zmarty.postgres import Pool
from zmarty.signing import sign

PATH = "/v1/liquidation/clusters"
SECRETS = tuple(f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}" for _ in range(2))
CLUSTER = {"side": "above", "price": 43500.5, "size": "large", "notional": 5_100_000}


class Models(Router):
    """A router with a provider, for whoever asks only whether there is one."""

    def __init__(self) -> None:
        super().__init__({})

    def states(self) -> dict[str, str]:
        return {"xai": "closed"}


@pytest.fixture
def pushing(resources: Resources) -> Resources:
    """Resources of an API that takes maps."""
    return replace(resources, clusters_secrets=SECRETS)


def a_map(**changes: Any) -> dict[str, Any]:
    told = {"symbol": "BTCUSDT", "observed_at": datetime.now(UTC).isoformat(), "clusters": [CLUSTER]}
    return {name: value for name, value in {**told, **changes}.items() if value is not None}


async def post(
    resources: Resources,
    document: object,
    *,
    push_id: str = "push-1",
    secret: str = SECRETS[0],
    sent_at: datetime | None = None,
    **headers: str,
) -> httpx2.Response:
    body = document if isinstance(document, str) else json.dumps(document)
    signed = sign(secret, webhook_id=push_id, sent_at=sent_at or datetime.now(UTC), body=body)
    async with client_of(resources) as client:
        return await client.post(PATH, content=body, headers={**signed, **headers})


def picture(text: str = "liquidation map BTC\n43500 large", **size: int) -> str:
    return base64.b64encode(png_with(text, **size)).decode()


async def test_a_signed_map_waits_for_the_worker(pushing: Resources, trading: Pool) -> None:
    answer = await post(pushing, a_map(confidence=0.8, link="https://maps.example.com/1"))

    assert answer.status_code == 202
    assert answer.json() == {"result": "accepted", "id": "push-1", "state": "waiting", "refusal": None}
    [row] = await trading.fetch("select * from cluster_pushes")
    assert (row["symbol"], row["confidence"], row["link"]) == ("BTC/USDT", 0.8, "https://maps.example.com/1")
    assert row["clusters"] == [{"side": "above", "price": "43500.5", "size": "large", "notional": "5100000"}]
    [message] = await trading.fetch("select message from pgmq.q_ingest_clusters")
    assert message["message"] == {"symbol": "BTC/USDT", "push_id": "push-1"}


async def test_a_replay_is_a_duplicate(pushing: Resources, trading: Pool) -> None:
    first = await post(pushing, a_map())
    await trading.execute(
        "update cluster_pushes set state = 'refused', refusal = 'because', ended_at = now()"
    )
    second = await post(pushing, a_map(), secret=SECRETS[1])

    assert (first.status_code, second.status_code) == (202, 200)
    assert second.json() == {"result": "duplicate", "id": "push-1", "state": "refused", "refusal": "because"}
    assert await trading.fetchval("select count(*) from pgmq.q_ingest_clusters") == 1


@pytest.mark.parametrize("minutes", [-6, 6])
async def test_another_time_is_refused(pushing: Resources, trading: Pool, minutes: int) -> None:
    answer = await post(pushing, a_map(), sent_at=datetime.now(UTC) + timedelta(minutes=minutes))

    assert (answer.status_code, answer.json()["error"]) == (401, "signature_invalid")
    assert await trading.fetchval("select count(*) from cluster_pushes") == 0


async def test_strangers_and_changed_bodies_are_refused(pushing: Resources, resources: Resources) -> None:
    stranger = f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"
    assert (await post(pushing, a_map(), secret=stranger)).status_code == 401
    body = json.dumps(a_map())
    signed = sign(SECRETS[0], webhook_id="push-1", sent_at=datetime.now(UTC), body=body)
    async with client_of(pushing) as client:
        assert (await client.post(PATH, content=body + " ", headers=signed)).status_code == 401
        assert (await client.post(PATH, content=body)).status_code == 401
    off = await post(resources, a_map())
    assert (off.status_code, off.json()["error"]) == (503, "push_unconfigured")


@pytest.mark.parametrize(
    ("changes", "status", "code", "named"),
    [
        ({"symbol": "NOPE/USDT"}, 404, "symbol_unknown", "NOPE/USDT"),
        ({"symbol": "BTC-PERP"}, 422, "symbol_unsupported", "symbol"),
        ({"observed_at": "2020-01-01T00:00:00Z"}, 422, "field_invalid", "observed_at"),
        ({"observed_at": "2120-01-01T00:00:00Z"}, 422, "field_invalid", "observed_at"),
        ({"clusters": None}, 422, "field_invalid", "either clusters or an image"),
        ({"image": "aGVsbG8="}, 422, "field_invalid", "either clusters or an image"),
        ({"clusters": []}, 422, "field_invalid", "clusters"),
        ({"clusters": [CLUSTER] * 501}, 422, "field_invalid", "clusters"),
        ({"clusters": [CLUSTER | {"price": -1}]}, 422, "field_invalid", "clusters.0.price"),
        ({"clusters": [CLUSTER | {"side": "left"}]}, 422, "field_invalid", "clusters.0.side"),
        ({"clusters": [CLUSTER | {"notional": 1e300}]}, 422, "field_invalid", "clusters.0.notional"),
        ({"clusters": [CLUSTER | {"colour": "red"}]}, 422, "field_invalid", "clusters.0.colour"),
        ({"confidence": 1.5}, 422, "field_invalid", "confidence"),
        ({"link": "javascript:alert(1)"}, 422, "field_invalid", "link"),
    ],
)
async def test_what_cannot_be_a_map_is_refused_by_name(
    pushing: Resources, trading: Pool, changes: dict[str, Any], status: int, code: str, named: str
) -> None:
    told = {name: value for name, value in (a_map() | changes).items() if value is not None}

    answer = await post(pushing, told)

    assert (answer.status_code, answer.json()["error"]) == (status, code)
    assert named in answer.text
    assert await trading.fetchval("select count(*) from cluster_pushes") == 0


async def test_an_id_that_cannot_be_kept_is_refused(pushing: Resources) -> None:
    for push_id in ("x" * 129, "a b"):
        answer = await post(pushing, a_map(), push_id=push_id)
        assert (answer.status_code, answer.json()["details"]["field"]) == (422, "webhook-id")


async def test_a_picture_waits_for_the_model(pushing: Resources, trading: Pool) -> None:
    answer = await post(replace(pushing, router=Models()), a_map(clusters=None, image=picture()))

    assert answer.status_code == 202
    [row] = await trading.fetch("select image, media_type, clusters from cluster_pushes")
    assert row["image"].startswith(b"\x89PNG")
    assert (row["media_type"], row["clusters"]) == ("image/png", None)


async def test_without_a_model_a_picture_is_refused(pushing: Resources) -> None:
    answer = await post(pushing, a_map(clusters=None, image=picture()))

    assert (answer.status_code, answer.json()["error"]) == (503, "vision_unconfigured")


@pytest.mark.parametrize(
    ("image", "rule"),
    [
        ("not base64!", "must be base64"),
        (base64.b64encode(b"GIF89a" + bytes(60)).decode(), "must be a whole PNG or JPEG"),
        (base64.b64encode(png_with("x")[:40]).decode(), "must be a whole PNG or JPEG"),
        (picture(width=8), "16 to 8192 pixels"),
        (picture(height=8_193, width=16), "16 to 8192 pixels"),
        (base64.b64encode(bytes(IMAGE_BYTES_MAX + 3)).decode(), "at most 2097152 bytes"),
    ],
)
async def test_bytes_that_are_no_picture_are_refused(pushing: Resources, image: str, rule: str) -> None:
    answer = await post(replace(pushing, router=Models()), a_map(clusters=None, image=image))

    assert (answer.status_code, answer.json()["error"]) == (422, "field_invalid")
    assert rule in answer.json()["message"]


async def test_a_body_beyond_every_picture_is_too_large(pushing: Resources) -> None:
    answer = await post(pushing, "x" * (3 * 1024 * 1024 + 1))

    assert answer.status_code == 413


async def test_only_so_many_maps_wait(
    pushing: Resources, trading: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(push, "WAITING_MAX", 1)
    await post(pushing, a_map())

    answer = await post(pushing, a_map(), push_id="push-2")

    assert (answer.status_code, answer.headers["retry-after"]) == (429, "60")
    assert (await post(pushing, a_map())).json()["result"] == "duplicate"


@pytest.fixture
def reader(api: httpx2.AsyncClient, auth: AuthServer) -> httpx2.AsyncClient:
    api.headers.update(bearer(auth.token()))
    return api


async def add_map(trading: Pool, source: str, minutes: int, prices: list[float]) -> datetime:
    observed_at = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=minutes)
    for price in prices:
        await trading.execute(
            """
            insert into liq_clusters (symbol, source, observed_at, side, price, size, notional, confidence)
            values ('BTC/USDT', $1, $2, 'above', $3::double precision::numeric, 'small', 1000, 0.5)
            """,
            source,
            observed_at,
            price,
        )
    return observed_at


async def test_the_newest_map_of_each_source(reader: httpx2.AsyncClient, trading: Pool) -> None:
    await add_map(trading, "king_fisher", 30, [1.0])
    await add_map(trading, "king_fisher", 10, [2.0, 3.0])
    await add_map(trading, "estimated", 5, [4.0])

    answer = (await reader.get(f"{PATH}/BTC-USDT")).json()

    assert [
        (found["source"], [cluster["price"] for cluster in found["clusters"]]) for found in answer["maps"]
    ] == [
        ("estimated", [4.0]),
        ("king_fisher", [3.0, 2.0]),
    ]
    assert answer["maps"][0]["age_seconds"] == pytest.approx(300, abs=20)
    assert answer["maps"][0]["confidence"] == 0.5
    assert len(answer["history"]["items"]) == 4


async def test_history_comes_in_pages_that_neither_skip_nor_repeat(
    reader: httpx2.AsyncClient, trading: Pool
) -> None:
    for minutes in (30, 20, 10):
        await add_map(trading, "pushed", minutes, [1.0, 2.0, 3.0])
    seen, cursor = [], None
    for _ in range(10):
        query = {"limit": "2", **({"cursor": cursor} if cursor else {})}
        history = (await reader.get(f"{PATH}/BTC-USDT", params=query)).json()["history"]
        seen += [(row["observed_at"], row["price"]) for row in history["items"]]
        cursor = history["next"]
        if cursor is None:
            break

    assert len(seen) == len(set(seen)) == 9
    assert [when for when, _ in seen] == sorted((when for when, _ in seen), reverse=True)


async def test_history_is_narrowed(reader: httpx2.AsyncClient, trading: Pool) -> None:
    await add_map(trading, "pushed", 30, [1.0])
    middle = await add_map(trading, "king_fisher", 20, [2.0])
    newest = await add_map(trading, "pushed", 10, [3.0])

    async def prices(**query: str) -> list[float]:
        history = (await reader.get(f"{PATH}/BTC-USDT", params=query)).json()["history"]
        return [row["price"] for row in history["items"]]

    assert await prices(source="pushed") == [3.0, 1.0]
    assert await prices(since=middle.isoformat(), until=newest.isoformat()) == [2.0]


async def test_a_symbol_without_maps(reader: httpx2.AsyncClient) -> None:
    empty = (await reader.get(f"{PATH}/ETH")).json()
    assert (empty["maps"], empty["history"]) == ([], {"items": [], "next": None})
    assert (await reader.get(f"{PATH}/NOPE")).status_code == 404
    unknown = await reader.get("/v1/liquidation/monitor/NOPE")
    assert unknown.json()["error"] == "symbol_unknown"
    unwatched = await reader.get("/v1/liquidation/monitor/ETH")
    assert (unwatched.status_code, unwatched.json()["error"]) == (404, "not_found")


async def add_monitor(
    trading: Pool, symbol: str = "BTC/USDT", pattern: str | None = "pull_up"
) -> dict[str, Any]:
    """A row of the monitor; answers its nearest cluster above."""
    near = {"side": "above", "price": 101.0, "size": "large", "notional": 5e6, "distance_percent": 1.0}
    await trading.execute(
        """
        insert into liquidation_monitor (
          symbol, source, observed_at, price, price_at, nearest_above, hits, cascade_risk, cascade_band, cascade_parts, pattern,
          pattern_parts, distances, computed_at
        )
        values (
          $5, 'pushed', now() - interval '5 minutes', 100, now() - interval '1 hour', $1, '[]', 49.5, 'medium', $2,
          $6, $3, $4, now()
        )
        """,
        near,
        {
            "above": 49.5,
            "below": 0,
            "critical": 1,
            "warn": 0,
            "unknown": 0,
            "critical_notional": 5e6,
            "warn_notional": 2e6,
        },
        {"near_above": 5e6, "near_below": 0, "close_above": 5e6, "close_below": 0},
        {
            "long": {"10x": {"percent": -9.6, "price": 90.4}},
            "short": {"10x": {"percent": 9.6, "price": 109.6}},
        },
        symbol,
        pattern,
    )
    return near


async def test_the_monitor_tells_its_ages(reader: httpx2.AsyncClient, trading: Pool) -> None:
    near = await add_monitor(trading)

    answer = (await reader.get("/v1/liquidation/monitor/BTC-USDT")).json()

    assert answer["nearest_above"] == near
    assert answer["nearest_below"] is None
    assert (answer["cascade_risk"], answer["cascade_band"], answer["pattern"]) == (49.5, "medium", "pull_up")
    assert answer["map_age_seconds"] == pytest.approx(300, abs=20)
    assert answer["price_age_seconds"] == pytest.approx(3_600, abs=20)
    assert answer["distances"]["long"]["10x"]["price"] == 90.4


async def test_patterns_are_listed_symbol_by_symbol(reader: httpx2.AsyncClient, trading: Pool) -> None:
    for symbol, pattern in (("SOL/USDT", "long_squeeze"), ("BTC/USDT", "pull_up"), ("ETH/USDT", None)):
        await add_monitor(trading, symbol, pattern)
    path = "/v1/patterns/kingfisher"

    first = (await reader.get(path, params={"limit": "1"})).json()
    second = (await reader.get(path, params={"limit": "1", "cursor": first["next"]})).json()

    assert [row["symbol"] for row in (*first["items"], *second["items"])] == ["BTC/USDT", "SOL/USDT"]
    assert second["next"] is None
    squeezes = (await reader.get(path, params={"pattern": "long_squeeze"})).json()
    assert [row["symbol"] for row in squeezes["items"]] == ["SOL/USDT"]
    assert (await reader.get(path, params={"pattern": "up"})).status_code == 422


async def test_maps_are_for_those_who_sign_in(api: httpx2.AsyncClient) -> None:
    for path in (f"{PATH}/BTC", "/v1/liquidation/monitor/BTC", "/v1/risk/BTC"):
        assert (await api.get(path)).status_code == 401
