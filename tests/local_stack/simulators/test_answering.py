"""What the simulated models say depends on the request alone."""

import json

from hypothesis import given
from hypothesis import strategies as st

from local_stack.simulators.answering import (
    FACTS_QUOTED_MAX,
    Tool,
    Turn,
    answer,
    call_for,
    facts_for,
    facts_in,
)

BITCOIN = "BTC/USDT 1h signal: direction long, score 0.42, strength 42, entry 43210.5, target 44100.2"
ETHER = "ETH/USDT 4h signal: direction short, score -0.31, strength 31, entry 2310.7, target 2250.1"
SYSTEM = f"You are Zmarty.\n<facts>\n- {BITCOIN}\n- {ETHER}\n</facts>\nBe honest."


def say(system: str, question: str, tokens_max: int | None = None) -> str:
    return answer(system, [Turn("user", question)], tokens_max=tokens_max).text


def test_the_facts_of_the_asked_symbol_are_quoted() -> None:
    text = say(SYSTEM, "What about ETH today?")

    assert ETHER in text
    assert BITCOIN not in text


def test_any_spelling_of_a_symbol_is_understood() -> None:
    for spelling in ("BTC", "btc", "BTC/USDT", "BTCUSDT", "btc-usdt", "Is BTC, then?"):
        assert facts_for(spelling, [BITCOIN, ETHER]) == [BITCOIN]
    assert facts_for("the subtotal of WBTCX", [BITCOIN, ETHER]) == [BITCOIN, ETHER]


def test_without_a_symbol_the_first_facts_are_quoted() -> None:
    many = [
        f"{base}/USDT close {order}"
        for order, base in enumerate(["AA", "BB", "CC", "DD", "EE", "FF", "GG", "HH"])
    ]

    assert facts_for("What should I know?", many) == many[:FACTS_QUOTED_MAX]


def test_other_facts_make_another_answer() -> None:
    assert say(SYSTEM, "BTC?") != say(SYSTEM.replace("43210.5", "43999.9"), "BTC?")
    assert "43999.9" in say(SYSTEM.replace("43210.5", "43999.9"), "BTC?")


def test_without_facts_it_admits_that() -> None:
    for system in ("", "You are Zmarty.", "<facts>\n</facts>", "inline <facts>- BTC/USDT 1</facts>"):
        assert "no facts" in say(system, "BTC?")


def test_the_last_question_counts() -> None:
    turns = [Turn("user", "BTC?"), Turn("assistant", "…"), Turn("user", "And ETH?")]

    assert ETHER in answer(SYSTEM, turns, tokens_max=None).text


def test_a_token_limit_cuts_the_answer() -> None:
    said = answer(SYSTEM, [Turn("user", "BTC?")], tokens_max=10)

    assert said.cut
    assert said.output_tokens + said.reasoning_tokens == 10
    assert not answer(SYSTEM, [Turn("user", "BTC?")], tokens_max=10_000).cut


@given(st.text(), st.text())
def test_pieces_are_the_whole_answer(system: str, question: str) -> None:
    said = answer(f"{SYSTEM}\n{system}", [Turn("user", question)], tokens_max=None)

    assert "".join(said.pieces) == said.text
    assert said == answer(f"{SYSTEM}\n{system}", [Turn("user", question)], tokens_max=None)


def test_bullets_and_blank_lines_are_not_facts() -> None:
    assert facts_in("<facts>\r\n- a 1\r\n\r\n-\r\n  b 2  \r\n</facts>") == ["a 1", "b 2"]


RATES = Tool(
    "get_win_rate",
    "How often signals of a pair were right.",
    {"properties": {"symbol": {"type": "string"}}, "required": ["symbol"]},
)
RISK = Tool("get_risk", "The risk band of a symbol.", {"properties": {"symbol": {"type": "string"}}})
ORDER = Tool("place_order", "Not for questions.", {"properties": {"size": {}}, "required": ["size"]})
TOOLS = (RISK, RATES, ORDER)


def test_a_tool_is_called_when_the_question_speaks_of_it() -> None:
    called = call_for("What is the win rate of ETH/USDT?", TOOLS)

    assert called is not None
    assert (called.name, called.arguments) == ("get_win_rate", {"symbol": "ETH/USDT"})
    assert json.loads("".join(called.pieces)) == called.arguments
    assert call_for("How risky? What risk?", TOOLS) is not None


def test_no_tool_is_called_without_what_it_requires_or_without_cause() -> None:
    assert call_for("What about BTC?", TOOLS) is None
    assert call_for("what is the win rate?", (RATES,)) is None
    assert call_for("Place an order for BTC", TOOLS) is None


def test_what_was_found_is_the_answer() -> None:
    asked = Turn("user", "What is the win rate of BTC?")

    called = answer(SYSTEM, [asked], tokens_max=None, tools=TOOLS)
    told = answer(
        SYSTEM,
        [asked, Turn("assistant", ""), Turn("tool", "", ("BTC/USDT 53 % of 312",))],
        tokens_max=None,
        tools=TOOLS,
    )

    assert (called.text, called.call is not None) == ("", True)
    assert "53 % of 312" in told.text
    assert told.call is None


def test_answers_are_compared_line_by_line() -> None:
    quoted = "\n".join(
        f'<answer model="{model}">\n- up\n- {own}\n</answer>' for model, own in (("a", "fast"), ("b", "slow"))
    )

    assert say("", f"The answers:\n{quoted}") == (
        "## Where they agree\n- up\n\n## Where they differ\n- a: - fast\n- b: - slow"
    )
