"""The HTTP door: every failure told in our words, within bounds, and never with a key in it."""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime

import httpx
import pytest

from orchestrator_worker.sources import vendor as vendor_module
from orchestrator_worker.sources.limits import Limits
from orchestrator_worker.sources.store import Admission
from orchestrator_worker.sources.vendor import (
    AnswerUnreadable,
    KeyRefused,
    QuotaUsed,
    RequestRefused,
    SourceLimited,
    SourceUnavailable,
    Vendor,
    retry_after_seconds,
)
from orchestrator_worker.sources.vendors import open_vendors
from tests.orchestrator_worker.vendors import Unlimited
from zmarty.postgres import Pool

KEY = "sekret-key-1234"
Answer = Callable[[httpx.Request], httpx.Response]


def vendor_answering(answer: Answer, *, limits: Limits | None = None) -> Vendor:
    return Vendor(
        "acme",
        "https://vendor.test/base/",
        limits=limits or Unlimited(),
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
    ("status", "header", "seconds"),
    [
        (429, "17", 17.0),
        (429, None, 30.0),
        (418, "7200", 7_200.0),
        (418, None, 120.0),
        (503, "9", 9.0),
        (503, None, None),
        (403, "9", None),
        (400, None, None),
    ],
)
async def test_who_asks_for_a_pause_gets_it(status: int, header: str | None, seconds: float | None) -> None:
    limits = Unlimited()
    headers = {} if header is None else {"retry-after": header}
    vendor = vendor_answering(lambda _: httpx.Response(status, headers=headers), limits=limits)

    with pytest.raises(SourceUnavailable):
        await vendor.get("/x/")

    assert limits.pauses == ([] if seconds is None else [("acme", seconds, f"answered {status}")])


@pytest.mark.parametrize(("wait", "asked"), [("5", 2), ("6", 1)])
async def test_only_a_moment_is_waited_out_by_the_job(wait: str, asked: int) -> None:
    limits = Unlimited()
    vendor = vendor_answering(lambda _: httpx.Response(429, headers={"retry-after": wait}), limits=limits)

    with pytest.raises(SourceLimited):
        await vendor.get("/x/", weight=3)

    assert limits.weights == [3] * asked, "each try takes a turn of its own"


@pytest.mark.parametrize(
    ("verdict", "kind"), [("limited", SourceLimited), ("paused", SourceLimited), ("quota_used", QuotaUsed)]
)
async def test_who_gets_no_turn_does_not_ask(verdict: str, kind: type[SourceLimited]) -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        raise AssertionError("nobody is asked")

    refusal = Admission(verdict=verdict, wait_seconds=77.0, used=0, quota=None, is_low=False)

    with pytest.raises(SourceLimited) as caught:
        await vendor_answering(answer, limits=Unlimited(refusal)).get("/x/")

    assert type(caught.value) is kind
    assert (caught.value.answered, caught.value.retry_after_seconds) == (None, 77.0)


async def test_no_more_turns_are_taken_than_requests_can_go_out() -> None:
    limits, release = Unlimited(), asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        await release.wait()
        yield b"1"

    vendor = vendor_answering(lambda _: httpx.Response(200, content=slow()), limits=limits)
    asking = [asyncio.create_task(vendor.get("/x/")) for _ in range(10)]
    while len(limits.weights) < vendor_module.REQUESTS_AT_ONCE:
        await asyncio.sleep(0)

    with pytest.raises(SourceLimited, match="wait already"):
        await vendor.get("/x/", patience_seconds=0.01)

    assert len(limits.weights) == vendor_module.REQUESTS_AT_ONCE
    release.set()
    assert await asyncio.gather(*asking) == [1] * 10


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
        while True:
            await asyncio.sleep(0.01)
            yield b" "

    with pytest.raises(SourceUnavailable, match="no answer within"):
        await vendor_answering(lambda _: httpx.Response(200, content=drip())).get("/x/")


async def test_no_log_line_carries_the_key(caplog: pytest.LogCaptureFixture, trading_worker: Pool) -> None:
    caplog.set_level(logging.INFO)
    transport = httpx.MockTransport(lambda _: httpx.Response(429))
    async with open_vendors(
        trading_worker,
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
        ("999999", 259_200.0),
        ("Sat, 21 Nov 2026 12:01:00 GMT", 60.0),
        ("Sat, 21 Nov 2026 11:00:00 GMT", 0.0),
        ("soon", None),
        ("-3", None),
        ("", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(header: str | None, seconds: float | None) -> None:
    assert retry_after_seconds(header, now=NOW) == seconds


async def test_without_a_key_or_an_address_a_vendor_is_off(trading_worker: Pool) -> None:
    async with open_vendors(
        trading_worker, exchange_url="https://exchange.test", cryptometer_url="https://c.test"
    ) as vendors:
        assert vendors.cryptometer is None
        assert vendors.king_fisher is None
        assert vendors.xai_search is None
        assert vendors.candle_sources(history=False) == (vendors.exchange,)
