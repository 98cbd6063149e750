"""The HTTP door: every failure told in our words, within bounds, and never with a key in it."""

from __future__ import annotations

import logging
import traceback
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime

import httpx
import pytest

from orchestrator_worker.sources import vendor as vendor_module
from orchestrator_worker.sources.vendor import (
    AnswerUnreadable,
    KeyRefused,
    RequestRefused,
    SourceLimited,
    SourceUnavailable,
    Vendor,
    retry_after_seconds,
)
from orchestrator_worker.sources.vendors import open_vendors

KEY = "sekret-key-1234"
Answer = Callable[[httpx.Request], httpx.Response]


def vendor_answering(answer: Answer) -> Vendor:
    return Vendor(
        "acme",
        "https://vendor.test/base/",
        params={"api_key": KEY},
        secrets=(KEY,),
        transport=httpx.MockTransport(answer),
    )


async def test_fractions_arrive_as_decimals_and_the_key_as_a_parameter() -> None:
    asked: list[httpx.URL] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url)
        return httpx.Response(200, text='{"price": 0.1}')

    read = await vendor_answering(answer).get("/ohlcv/", e="binance")

    assert str(read["price"]) == "0.1"
    assert asked == [httpx.URL(f"https://vendor.test/base/ohlcv/?api_key={KEY}&e=binance")]


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, RequestRefused),
        (401, KeyRefused),
        (403, KeyRefused),
        (404, RequestRefused),
        (418, SourceLimited),
        (429, SourceLimited),
        (302, SourceUnavailable),
        (500, SourceUnavailable),
        (503, SourceUnavailable),
    ],
)
async def test_each_status_has_its_own_error(status: int, kind: type[SourceUnavailable]) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(status, text=f"no: {request.url}", headers={"retry-after": "7"})

    with pytest.raises(SourceUnavailable) as caught:
        await vendor_answering(answer).get("/x/")

    assert type(caught.value) is kind
    assert (caught.value.vendor, caught.value.answered, caught.value.retry_after_seconds) == (
        "acme",
        status,
        7.0,
    )
    # The vendor repeated our address, key and all.
    assert KEY not in str(caught.value)
    assert "***" in str(caught.value)


@pytest.mark.parametrize(
    "failure", [httpx.ConnectError("no"), httpx.ReadTimeout("no"), httpx.RemoteProtocolError("no")]
)
async def test_a_broken_connection_is_our_error_without_the_key(failure: httpx.HTTPError) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        failure.request = request
        raise failure

    with pytest.raises(SourceUnavailable) as caught:
        await vendor_answering(answer).get("/x/")

    assert caught.value.answered is None
    assert KEY not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("body", ["", "<html>", "[" * 100_000, '{"a": 1' + "1" * 5_000 + "}"])
async def test_what_is_no_json_is_unreadable(body: str) -> None:
    with pytest.raises(AnswerUnreadable):
        await vendor_answering(lambda _: httpx.Response(200, text=body)).get("/x/")


async def test_an_endless_answer_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vendor_module, "BODY_BYTES_MAX", 1_000)
    sent = 0

    async def drops() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 100
            yield b" " * 100

    with pytest.raises(AnswerUnreadable):
        await vendor_answering(lambda _: httpx.Response(200, content=drops())).get("/x/")

    assert sent < 3_000


async def test_a_vendor_that_drips_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vendor_module, "REQUEST_SECONDS", 0.05)

    async def drip() -> AsyncIterator[bytes]:
        import asyncio

        while True:
            await asyncio.sleep(0.01)
            yield b" "

    with pytest.raises(SourceUnavailable, match="no answer within"):
        await vendor_answering(lambda _: httpx.Response(200, content=drip())).get("/x/")


async def test_no_log_line_carries_the_key(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    transport = httpx.MockTransport(lambda _: httpx.Response(429))
    async with open_vendors(
        exchange_url="https://exchange.test",
        cryptometer_url="https://cryptometer.test",
        cryptometer_key=KEY,
        transport=transport,
    ) as vendors:
        assert vendors.cryptometer is not None
        with pytest.raises(SourceLimited):
            await vendors.cryptometer.trend()

    assert KEY not in caplog.text


NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("30", 30.0),
        (" 5 ", 5.0),
        ("999999", 3_600.0),
        ("Sat, 21 Nov 2026 12:01:00 GMT", 60.0),
        ("Sat, 21 Nov 2026 11:00:00 GMT", 0.0),
        ("soon", None),
        ("-3", None),
        ("", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(header: str | None, seconds: float | None) -> None:
    assert retry_after_seconds(header, now=NOW) == seconds


async def test_without_a_key_or_an_address_a_vendor_is_off() -> None:
    async with open_vendors(
        exchange_url="https://exchange.test", cryptometer_url="https://c.test"
    ) as vendors:
        assert vendors.cryptometer is None
        assert vendors.king_fisher is None
        assert vendors.candle_sources(history=False) == (vendors.exchange,)
