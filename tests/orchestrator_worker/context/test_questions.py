"""Which questions are due: each once, by value, the longest due of a source first."""

from datetime import UTC, datetime, timedelta

from orchestrator_worker.context.questions import Pair, due, questions_of
from orchestrator_worker.sources.plan import PLAN
from zmarty.market import Symbol, Timeframe

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
BTC, ETH = Symbol.parse("BTC/USDT"), Symbol.parse("ETH/USDT")


def test_a_symbol_on_two_timeframes_is_asked_about_once() -> None:
    watched = [Pair(BTC, Timeframe.HOUR_1), Pair(BTC, Timeframe.MINUTES_5)]

    keys = [question.key for question in questions_of(watched)]

    assert len(keys) == len(set(keys))
    assert keys.count(("whale_trades", "BTC/USDT", "")) == 1
    assert ("merged_volume", "BTC/USDT", "1h") in keys
    assert ("merged_volume", "BTC/USDT", "5m") in keys


def test_the_market_is_asked_about_even_when_nobody_watches() -> None:
    names = {question.source.name for question in questions_of([])}

    assert names == {source.name for source in PLAN if source.scope == "market"}


def test_a_pair_that_the_vendor_has_no_timeframe_for_is_not_asked_about() -> None:
    weekly = questions_of([Pair(BTC, Timeframe.WEEK_1)])

    assert all(question.symbol is None for question in weekly)


def test_what_is_worth_more_comes_first_and_then_what_waits_longest() -> None:
    questions = questions_of([Pair(BTC, Timeframe.HOUR_1), Pair(ETH, Timeframe.HOUR_1)])
    due_at = {question.key: NOW - timedelta(minutes=1) for question in questions}
    due_at["whale_trades", "ETH/USDT", ""] = NOW - timedelta(hours=1)
    due_at["trend", "", ""] = NOW + timedelta(seconds=1)

    chosen = [question.key for question in due(questions, due_at, now=NOW, limit=6)]

    assert chosen == [
        ("rapid_movements", "", ""),
        ("large_trades", "", ""),
        ("volume_flow", "", ""),
        ("whale_trades", "ETH/USDT", ""),
        ("whale_trades", "BTC/USDT", ""),
        ("open_interest", "BTC/USDT", ""),
    ]


def test_what_was_never_asked_is_due() -> None:
    questions = questions_of([Pair(BTC, Timeframe.HOUR_1)])

    assert due(questions, {}, now=NOW, limit=1_000) == questions
