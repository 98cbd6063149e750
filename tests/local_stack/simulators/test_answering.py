"""What the simulated models say depends on the request alone."""

from hypothesis import given
from hypothesis import strategies as st

from local_stack.simulators.answering import FACTS_QUOTED_MAX, Turn, answer, facts_for, facts_in

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
