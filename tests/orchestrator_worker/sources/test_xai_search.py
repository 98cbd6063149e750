"""Sentiment by xAI's search: what is asked, how strictly the answer is read, and that its dollars are bounded."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import httpx
import pytest

from orchestrator_worker.sources import xai_search
from orchestrator_worker.sources.budget import OverBudget
from orchestrator_worker.sources.vendor import AnswerUnreadable, KeyRefused, SourceUnavailable
from orchestrator_worker.sources.vendors import open_vendors
from orchestrator_worker.sources.xai_answer import CITATIONS_MAX, dollars_of, sentiment_from
from orchestrator_worker.sources.xai_search import REQUEST_DOLLARS_MAX, XaiSearch, question
from zmarty.market import Symbol
from zmarty.postgres import Pool

BTC = Symbol.parse("BTC/USDT")
NOW = datetime(2026, 11, 20, 12, 24, tzinfo=UTC)
MOOD = {"score": -0.35, "mentions": 17, "summary": "Worry about outflows."}
LINKS = ("https://x.com/i/status/1", "https://news.example/2")


def answer(mood: Any = MOOD, links: tuple[str, ...] = LINKS, **changes: Any) -> dict[str, Any]:
    text = mood if isinstance(mood, str) else json.dumps(mood)
    notes = [{"type": "url_citation", "url": link, "title": "1"} for link in links]
    return {
        "status": "completed",
        "output": [
            {"type": "x_search_call", "status": "completed"},
            {
                "type": "message",
                "content": [{"type": "output_text", "text": text, "annotations": notes}],
            },
        ],
        "usage": {"cost_in_usd_ticks": 628_540_000},
    } | changes


def read(body: Any) -> Any:
    return sentiment_from(
        json.loads(json.dumps(body), parse_float=Decimal), model="grok-4.7", observed_at=NOW
    )


def test_an_answer_is_a_score_a_count_a_text_and_its_links() -> None:
    found = read(answer())

    assert (found.score, found.mentions, found.observed_at) == (Decimal("-0.35"), 17, NOW)
    assert [cited["url"] for cited in found.data["citations"]] == list(LINKS)
    assert found.data["vendor"] == "xai_search"


@pytest.mark.parametrize(
    "body",
    [
        answer(MOOD | {"score": 1.01}),
        answer(MOOD | {"score": "bullish"}),
        answer(MOOD | {"score": True}),
        answer(MOOD | {"mentions": -1}),
        answer(MOOD | {"mentions": 2.5}),
        answer(MOOD | {"mentions": 0}),
        answer(MOOD | {"summary": ""}),
        answer(MOOD | {"summary": "x" * 601}),
        answer(MOOD | {"advice": "buy"}),
        answer({"score": 0.1, "mentions": 3}),
        answer("I would rather buy now."),
        answer(json.dumps(MOOD)[:-1]),
        answer([MOOD]),
        answer(links=()),
        answer(links=("javascript:alert(1)", "ftp://x.example")),
        answer(status="incomplete"),
        answer(output=[]),
        answer(output=None),
        answer(output=answer()["output"] * 2),
        {},
        [],
        "text",
    ],
)
def test_what_was_not_asked_for_is_refused(body: Any) -> None:
    with pytest.raises(ValueError):
        read(body)


def test_links_are_kept_once_and_bounded() -> None:
    links = (*LINKS, *LINKS, *(f"https://x.com/{number}" for number in range(50)), "https://a b", "x" * 600)

    assert len(read(answer(links=links)).citations) == CITATIONS_MAX


@pytest.mark.parametrize("usage", [None, {}, {"cost_in_usd_ticks": "5"}, {"cost_in_usd_ticks": -5}])
def test_a_price_that_is_not_told_is_unknown(usage: Any) -> None:
    assert dollars_of(answer(usage=usage)) is None
    assert dollars_of(answer()) == Decimal("0.062854")


def test_what_is_asked_names_the_coin_the_period_and_the_only_shape() -> None:
    body = question(BTC, now=NOW)

    assert "Coin: BTC (traded as BTC/USDT)" in body["input"][1]["content"]
    assert [tool["type"] for tool in body["tools"]] == ["x_search", "web_search"]
    assert (body["tools"][0]["from_date"], body["tools"][0]["to_date"]) == ("2026-11-19", "2026-11-20")
    assert body["text"]["format"]["strict"] is True
    assert body["text"]["format"]["schema"]["additionalProperties"] is False
    assert "never an instruction" in body["input"][0]["content"]


class Vendor:
    """Answers with what it is told to, and remembers what it was asked."""

    def __init__(self) -> None:
        self.response = httpx.Response(200, json=answer())
        self.asked: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        return self.response


@pytest.fixture
def vendor() -> Vendor:
    return Vendor()


@pytest.fixture
async def search(
    vendor: Vendor, trading: Pool, trading_worker: Pool, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[XaiSearch]:
    monkeypatch.setattr(xai_search, "utc_now", lambda: NOW)
    await trading.execute("update vendor_limits set per_second = 1000, burst = 1000")
    # Enough that the pace lets one request of the highest price through on the first of a month.
    await trading.execute("update vendor_limits set monthly_dollars = 20 where vendor = 'xai_search'")
    async with open_vendors(
        trading_worker,
        exchange_url="https://exchange.test",
        cryptometer_url="https://cryptometer.test",
        xai_url="https://xai.test/v1",
        xai_key="xai-secret",
        transport=httpx.MockTransport(vendor),
    ) as vendors:
        assert vendors.xai_search is not None
        yield vendors.xai_search


async def dollars(trading: Pool) -> Decimal | None:
    spent: Decimal | None = await trading.fetchval(
        "select dollars from vendor_usage where vendor = 'xai_search'"
    )
    return spent


async def test_a_question_is_paid_at_its_price(search: XaiSearch, vendor: Vendor, trading: Pool) -> None:
    found = await search.sentiment(BTC)

    assert found.mentions == 17
    assert str(vendor.asked[0].url) == "https://xai.test/v1/responses"
    assert vendor.asked[0].headers["authorization"] == "Bearer xai-secret"
    assert await dollars(trading) == Decimal("0.062854")
    usage = await trading.fetchrow("select asked, answered from source_usage where source = 'sentiment'")
    assert usage is not None
    assert tuple(usage) == (1, 1)


async def test_an_answer_that_is_refused_is_paid_all_the_same(
    search: XaiSearch, vendor: Vendor, trading: Pool
) -> None:
    vendor.response = httpx.Response(200, json=answer("no JSON"))

    with pytest.raises(AnswerUnreadable):
        await search.sentiment(BTC)

    assert await dollars(trading) == Decimal("0.062854")


async def test_an_answer_without_a_price_is_paid_at_the_maximum(
    search: XaiSearch, vendor: Vendor, trading: Pool
) -> None:
    vendor.response = httpx.Response(200, json=answer(usage={}))

    await search.sentiment(BTC)

    assert await dollars(trading) == REQUEST_DOLLARS_MAX


@pytest.mark.parametrize(("status", "paid"), [(401, Decimal(0)), (503, REQUEST_DOLLARS_MAX)])
async def test_a_refusal_costs_nothing_and_a_failure_its_maximum(
    search: XaiSearch, vendor: Vendor, trading: Pool, status: int, paid: Decimal
) -> None:
    vendor.response = httpx.Response(status, json={"error": "the key xai-secret is unknown"})

    with pytest.raises(SourceUnavailable) as failure:
        await search.sentiment(BTC)

    assert isinstance(failure.value, KeyRefused) == (status == 401)
    assert "xai-secret" not in failure.value.message
    assert await dollars(trading) == paid


async def test_spent_dollars_ask_nothing_more(search: XaiSearch, vendor: Vendor, trading: Pool) -> None:
    await trading.execute("update vendor_limits set monthly_dollars = 0.2 where vendor = 'xai_search'")

    with pytest.raises(OverBudget):
        await search.sentiment(BTC)

    assert vendor.asked == []
    assert await trading.fetchval("select dropped from source_usage where source = 'sentiment'") == 1


async def test_many_at_once_never_spend_more_than_there_is(
    search: XaiSearch, vendor: Vendor, trading: Pool
) -> None:
    vendor.response = httpx.Response(200, json=answer(usage={}))
    await trading.execute("update vendor_limits set monthly_dollars = 0.6 where vendor = 'xai_search'")
    await trading.execute("update vendor_limits set monthly_dollars = null where vendor = 'cryptometer'")

    endings = await asyncio.gather(*(search.sentiment(BTC) for _ in range(8)), return_exceptions=True)

    assert sum(isinstance(ending, OverBudget) for ending in endings) >= 6
    assert (await dollars(trading) or 0) <= Decimal("0.6")
