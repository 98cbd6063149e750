"""Bodies: what is JSON to Python but to nobody behind us is refused before it gets there."""

import httpx2
import pytest

from tests.orchestrator_api.support import AuthServer, add_user, bearer
from zmarty.postgres import Pool


@pytest.mark.parametrize(
    "body",
    [
        b'{"symbol": "BTC", "timeframe": "1h", "strategy": {"a": NaN}}',
        b'{"symbol": "BTC", "timeframe": "1h", "strategy": {"a": -Infinity}}',
        b'{"symbol": "BTC", "timeframe": "1h", "strategy": {"a": 1e999}}',
        b'{"symbol": "BTC", "timeframe": "1h", "strategy": {"a": "\xed\xa0\x80"}}',
        '{"symbol": "BTC", "timeframe": "1h", "strategy": {"a": "\\u0000"}}'.encode("utf-16"),
    ],
    ids=["nan", "infinity", "beyond-a-double", "half-a-character", "utf-16"],
)
async def test_what_no_database_could_store_is_no_json(
    api: httpx2.AsyncClient, auth: AuthServer, chat: Pool, body: bytes
) -> None:
    answer = await api.put("/v1/symbols", content=body, headers=bearer(auth.token(await add_user(chat))))

    assert (answer.status_code, answer.json()["error"]) == (400, "body_malformed")


async def test_a_body_may_begin_with_a_byte_order_mark(
    api: httpx2.AsyncClient, auth: AuthServer, chat: Pool
) -> None:
    body = '\ufeff{"symbol": "BTC", "timeframe": "1h"}'.encode()

    answer = await api.put("/v1/symbols", content=body, headers=bearer(auth.token(await add_user(chat))))

    assert answer.status_code == 201
