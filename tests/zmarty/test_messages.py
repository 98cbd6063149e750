"""Job messages: what a person types in a SQL editor parses; what cannot succeed says which field and why."""

import json

import pytest

from zmarty import messages
from zmarty.market import Symbol, Timeframe
from zmarty.messages import ComputeSignals, ComputeWinrate, IngestIndicators, JobMessage, MessageMalformed


def parse(kind: type[JobMessage], body: object) -> JobMessage:
    return messages.parse(kind, None if body is None else json.dumps(body))


def test_a_hand_typed_message_parses() -> None:
    message = parse(IngestIndicators, {"symbol": "btcusdt", "timeframe": "1h", "note": "by hand"})

    assert message == IngestIndicators(symbol=Symbol("BTC/USDT"), timeframe=Timeframe.HOUR_1)
    assert isinstance(message.symbol, Symbol)


def test_equal_work_has_an_equal_payload() -> None:
    assert parse(ComputeWinrate, {"symbol": "BTC", "timeframe": "1h"}).payload() == {
        "symbol": "BTC/USDT",
        "timeframe": "1h",
        "lookback_days": 30,
    }


def test_one_moment_has_one_payload_whatever_its_zone() -> None:
    written = ("2026-01-01T02:00:00+02:00", "2026-01-01T00:00:00Z")

    payloads = [
        parse(ComputeSignals, {"symbol": "BTC", "timeframe": "1h", "opened_at": when}).payload()
        for when in written
    ]

    assert payloads[0] == payloads[1]


@pytest.mark.parametrize(
    ("body", "code", "reason"),
    [
        (None, "message_malformed", "must be a JSON object, is null"),
        ([], "message_malformed", "is an array"),
        ("text", "message_malformed", "is a string"),
        (7, "message_malformed", "is a number"),
        ({"timeframe": "1h"}, "message_malformed", "symbol: Field required"),
        ({"symbol": "BTC/USDT", "timeframe": "2h"}, "message_malformed", "timeframe: .*must be one of"),
        ({"symbol": "BTCUSDT.P", "timeframe": "1h"}, "message_malformed", "symbol: .*derivative"),
        (
            {"symbol": "BTC", "timeframe": "1h", "opened_at": "2026-01-01T00:00:00"},
            "message_malformed",
            "time zone",
        ),
        *(
            (
                {"symbol": "BTC", "timeframe": "1h", "opened_at": moment},
                "message_malformed",
                "opened_at: .*number",
            )
            for moment in (1_767_225_600, 1_767_225_600_000, "1767225600", True)
        ),
        (
            {"symbol": "BTC", "timeframe": "1h", "opened_at": "0001-01-01T00:00:00+23:00"},
            "message_malformed",
            "opened_at: .*between the years",
        ),
        ({"symbol": "BTC", "timeframe": "1h", "v": 2}, "version_unknown", "reads version 1, not 2"),
        ({"pair": "BTC", "v": 2}, "version_unknown", "reads version 1, not 2"),
        ({"pair": "BTC", "v": "two"}, "version_unknown", "reads version 1, not 'two'"),
    ],
)
def test_a_message_that_cannot_succeed_says_why(body: object, code: str, reason: str) -> None:
    with pytest.raises(MessageMalformed, match=reason) as refused:
        parse(ComputeSignals, body)
    assert refused.value.code == code


def test_text_that_is_nested_beyond_reason_is_refused() -> None:
    deep = '{"symbol": "BTC", "timeframe": "1h", "note": ' + "[" * 5_000 + "]" * 5_000 + "}"

    with pytest.raises(MessageMalformed, match="recursion"):
        messages.parse(IngestIndicators, deep)


def test_an_absurd_lookback_is_refused() -> None:
    with pytest.raises(MessageMalformed, match="lookback_days"):
        parse(ComputeWinrate, {"symbol": "BTC", "timeframe": "1h", "lookback_days": 1_000_000})
