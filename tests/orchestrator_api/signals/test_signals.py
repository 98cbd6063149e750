"""One signal whole, and signals made elsewhere: who may hand them in, what they must claim, that each is kept once."""

import hashlib
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from tests.orchestrator_api.support import AuthServer, bearer
from zmarty.market import Timeframe
from zmarty.postgres import Pool

HOUR = Timeframe.HOUR_1
KEY = "zsk_" + "k" * 43
CLAIM = {
    "symbol": "BTC-USDT",
    "timeframe": "1h",
    "direction": "buy",
    "source": "fox",
    "external_id": "fox-1",
    "strength": 70,
    "confidence": 0.62,
    "entry_price": 100,
    "targets": [103, 105.5],
    "stop_price": 98,
    "reasons": ["The fox says so."],
}


def newest() -> datetime:
    return HOUR.newest_closed(datetime.now(UTC))


async def make_key(
    trading: Pool, key: str = KEY, *, scopes: tuple[str, ...] = ("signals:write",), **columns: Any
) -> None:
    await trading.execute(
        "insert into service_keys (name, key_sha256, scopes, source, created_by, revoked_at) values ($1, $2, $3, $4, $5, $6)",
        "fox engine",
        hashlib.sha256(key.encode()).digest(),
        list(scopes),
        columns.get("source"),
        "console:test",
        columns.get("revoked_at"),
    )


@pytest.fixture
async def engine(api: httpx2.AsyncClient, trading: Pool) -> httpx2.AsyncClient:
    """A client with a service key, and a market to judge by."""
    await make_key(trading)
    await trading.execute("select partitions.ensure_candle_partitions($1, $1)", newest())
    await trading.execute(
        """
        insert into candles (symbol, timeframe, opened_at, exchange, open, high, low, close, volume, source)
        values ('BTC/USDT', '1h', $1, 'binance', 99, 101, 98, 100, 5, 'test')
        """,
        newest(),
    )
    api.headers.update({"Authorization": f"Bearer {KEY}"})
    return api


async def test_a_relayed_signal_is_kept_with_its_source(engine: httpx2.AsyncClient, trading: Pool) -> None:
    answer = await engine.post("/v1/signals", json=CLAIM)

    assert answer.status_code == 201
    told = answer.json()
    row = await trading.fetchrow("select * from signals")
    assert row is not None
    assert told == {
        "id": str(row["id"]),
        "strategy_version": "relay:fox",
        "opened_at": newest().isoformat().replace("+00:00", "Z"),
        "origin": "live",
        "is_new": True,
    }
    assert (row["direction"], row["score"], row["strength"], row["verdict"]) == ("long", 0.7, 70, "watch")
    assert (row["entry_price"], row["targets"]) == (100, [103, Decimal("105.5")])
    assert row["risk_reward"] == pytest.approx(1.5)
    assert row["reasons"] == [{"code": "relayed", "text": "The fox says so."}]
    assert await trading.fetchval("select last_used_at > now() - interval '1 minute' from service_keys")


async def test_a_repetition_is_the_same_signal(engine: httpx2.AsyncClient, trading: Pool) -> None:
    first = await engine.post("/v1/signals/relay", json=CLAIM)
    again = await engine.post("/v1/signals", json=CLAIM)

    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == first.json() | {"is_new": False}
    assert await trading.fetchval("select count(*) from signals") == 1


async def test_a_name_belongs_to_one_signal(engine: httpx2.AsyncClient) -> None:
    await engine.post("/v1/signals", json=CLAIM)
    other = await engine.post("/v1/signals", json=CLAIM | {"confidence": 0.9})
    same_candle = await engine.post("/v1/signals", json=CLAIM | {"external_id": "fox-2"})

    assert (other.status_code, other.json()["error"]) == (409, "idempotency_key_reused")
    assert (same_candle.status_code, same_candle.json()["error"]) == (409, "signal_exists")


async def test_an_idempotency_key_names_a_signal_too(engine: httpx2.AsyncClient, trading: Pool) -> None:
    nameless = {name: value for name, value in CLAIM.items() if name != "external_id"}
    headers = {"Idempotency-Key": "k-1"}

    answers = [await engine.post("/v1/signals", json=nameless, headers=headers) for _ in range(2)]
    without = await engine.post("/v1/signals", json=nameless)

    assert [answer.status_code for answer in answers] == [201, 200]
    assert without.json()["details"]["field"] == "external_id"
    assert await trading.fetchval("select external_id from signals") == "k-1"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"stop_price": 101}, "stop_price"),
        ({"stop_price": None}, "stop_price"),
        ({"targets": [105, 103]}, "targets"),
        ({"targets": [99]}, "targets"),
        ({"targets": []}, "targets"),
        ({"direction": "sell"}, "stop_price"),
        ({"direction": "hold"}, "direction"),
        ({"confidence": None}, "confidence"),
        ({"confidence": 1.2}, "confidence"),
        ({"strength": None}, "strength"),
        ({"score": -0.4}, "score"),
        ({"entry_price": 0.01, "targets": [1], "stop_price": 0.001}, "entry_price"),
        ({"entry_price": -3}, "entry_price"),
        ({"opened_at": "2999-01-01T00:00:00Z"}, "opened_at"),
        ({"opened_at": "2020-01-01T00:00:00Z"}, "opened_at"),
        ({"opened_at": "2026-01-01T00:30:00Z"}, "opened_at"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
        ({"source": "Fox!"}, "source"),
        ({"source": None}, "source"),
        ({"colour": "red"}, "colour"),
        ({"timeframe": "4h"}, "symbol"),
    ],
)
async def test_a_claim_that_cannot_be_judged_is_refused(
    engine: httpx2.AsyncClient, trading: Pool, changes: dict[str, Any], field: str
) -> None:
    answer = await engine.post("/v1/signals", json=CLAIM | changes)

    assert (answer.status_code, answer.json()["error"]) == (422, "field_invalid")
    assert answer.json()["details"]["field"].startswith(field)
    assert await trading.fetchval("select count(*) from signals") == 0


async def test_an_unknown_symbol_is_named(engine: httpx2.AsyncClient) -> None:
    answer = await engine.post("/v1/signals", json=CLAIM | {"symbol": "NOPE/USDT"})

    assert (answer.status_code, answer.json()["error"]) == (404, "symbol_unknown")


async def test_a_signal_for_an_older_candle_is_backfill(engine: httpx2.AsyncClient) -> None:
    opened_at = newest() - timedelta(hours=3)

    answer = await engine.post("/v1/signals", json=CLAIM | {"opened_at": opened_at.isoformat()})

    assert answer.json()["origin"] == "backfill"


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({}, 401, "token_missing"),
        ({"Authorization": "Bearer zsk_unknown"}, 401, "token_invalid"),
        ({"Authorization": "Bearer zsk_revoked"}, 401, "token_invalid"),
        ({"Authorization": "Bearer zsk_reader"}, 403, "forbidden"),
        ({"Authorization": "Bearer zsk_crow"}, 403, "forbidden"),
    ],
)
async def test_only_a_key_with_the_scope_hands_signals_in(
    api: httpx2.AsyncClient, trading: Pool, headers: dict[str, str], status: int, code: str
) -> None:
    await make_key(trading, "zsk_revoked", revoked_at=datetime.now(UTC))
    await make_key(trading, "zsk_reader", scopes=("signals:read",))
    await make_key(trading, "zsk_crow", source="crow")

    answer = await api.post("/v1/signals", json=CLAIM, headers=headers)

    assert (answer.status_code, answer.json()["error"]) == (status, code)


async def test_a_users_token_is_no_service_key(api: httpx2.AsyncClient, auth: AuthServer) -> None:
    answer = await api.post("/v1/signals", json=CLAIM, headers=bearer(auth.token()))

    assert (answer.status_code, answer.json()["error"]) == (401, "service_key_required")


async def test_the_api_can_write_no_signal_of_our_own(trading: Pool, trading_api: Pool) -> None:
    with pytest.raises(Exception, match="row-level security"):
        await trading_api.execute(
            "insert into signals (symbol, timeframe, opened_at, strategy_version, origin, direction, score, strength,"
            " entry_price, verdict, expires_at) values ('BTC/USDT', '1h', now(), 'blend-2', 'live', 'flat', 0, 1, 1,"
            " 'no_edge', now())"
        )


async def test_one_signal_is_shown_whole(engine: httpx2.AsyncClient, auth: AuthServer, trading: Pool) -> None:
    signal_id = (await engine.post("/v1/signals", json=CLAIM)).json()["id"]
    await trading.execute(
        """
        update signals set components = '{"technical": 0.7}', regime = 'trending',
          calibration = '{"method": "platt", "n": 412}'
        """
    )
    await trading.execute(
        "insert into signal_outcomes values ($1, '24h', 'barrier-1', 'target', false, 0.028, 1.4, 0.03, 0.01, now())",
        signal_id,
    )
    reader = bearer(auth.token())

    told = (await engine.get(f"/v1/signals/{signal_id}", headers=reader)).json()

    assert told["id"] == signal_id
    assert (told["source"], told["external_id"], told["regime"]) == ("fox", "fox-1", "trending")
    assert told["components"] == {"technical": 0.7}
    assert told["calibration"] == {"method": "platt", "n": 412}
    [outcome] = told["outcomes"]
    assert (outcome["barrier"], outcome["mfe"], outcome["mae"]) == ("target", 0.03, 0.01)
    # The list of a symbol and a single signal share the beginning of their path.
    listed = (await engine.get("/v1/signals/BTC-USDT", headers=reader)).json()["items"]
    assert [item["id"] for item in listed] == [signal_id]
    missing = await engine.get(f"/v1/signals/{uuid4()}", headers=reader)
    assert (missing.status_code, missing.json()["error"]) == (404, "not_found")


async def test_clients_views_say_buy_sell_and_hold(engine: httpx2.AsyncClient, trading_api: Pool) -> None:
    await engine.post("/v1/signals", json=CLAIM)

    row = await trading_api.fetchrow("select * from trading_signals")
    integrated = await trading_api.fetchrow("select * from integrated_signals")
    candle = await trading_api.fetchrow("select * from market_data")

    assert row is not None and integrated is not None and candle is not None
    assert (row["signal_type"], row["target_price"], row["stop_loss"]) == ("buy", 103, 98)
    assert row["reasoning"] == "The fox says so."
    assert (integrated["source"], integrated["direction"]) == ("fox", "long")
    assert (candle["time"], candle["close"]) == (newest(), 100)
