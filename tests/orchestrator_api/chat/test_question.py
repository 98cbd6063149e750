"""What the three forms of a question mean."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest

from orchestrator_api.chat.facts import LENGTH_MAX
from orchestrator_api.chat.mentions import MENTIONS_MAX, mentioned_symbols
from orchestrator_api.chat.plan import Budget, plan_model
from orchestrator_api.chat.prompt import prompt_from, prompt_tokens
from orchestrator_api.chat.question import (
    HISTORY_BYTES_MAX,
    TEXT_LENGTH_MAX,
    ChatRequest,
    CompletionRequest,
    conversation_named,
    question_from,
    question_from_completion,
    recent_turns,
)
from orchestrator_api.model_router.catalog import CATALOG
from orchestrator_api.model_router.provider import Turn
from orchestrator_api.parsing import parse_fields
from zmarty.errors import FieldInvalid

USER = UUID(int=1)
NEW = UUID(int=2)
NOW = datetime(2026, 11, 21, tzinfo=UTC)


def question(**body: Any) -> Any:
    return question_from(parse_fields(body, ChatRequest), user_id=USER, new_id=NEW)


def said(role: str, text: str) -> dict[str, Any]:
    return {"role": role, "parts": [{"type": "text", "text": text}]}


def test_the_plain_form_is_read() -> None:
    asked = question(message=" BTC? ", model="claude", asset="btc", price_cap=9, voice=True)

    assert (asked.text, asked.model, asked.symbol, asked.price_cap, asked.voice) == (
        "BTC?",
        "claude",
        "BTC/USDT",
        9,
        True,
    )
    assert asked.conversation_id == NEW


def test_the_last_user_message_of_the_ui_form_is_the_question() -> None:
    asked = question(
        id="abc", messages=[said("user", "one"), said("assistant", "two"), said("user", "three")]
    )

    assert asked.text == "three"
    assert asked.conversation_id == conversation_named("abc", USER)


def test_a_client_name_of_a_conversation_belongs_to_one_user() -> None:
    given = uuid4()

    assert conversation_named(str(given), USER) == given
    assert conversation_named("abc", USER) == conversation_named("abc", USER)
    assert conversation_named("abc", USER) != conversation_named("abc", NEW)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"message": ""},
        {"message": " \n"},
        {"message": "x" * (TEXT_LENGTH_MAX + 1)},
        {"messages": []},
        {"messages": [said("assistant", "hi")]},
        {"messages": [said("user", "")]},
        {"message": "x", "model": "x" * 101},
        {"message": "x", "price_cap": 101},
    ],
)
def test_a_question_that_breaks_a_rule_names_it(body: dict[str, Any]) -> None:
    with pytest.raises(FieldInvalid) as caught:
        question(**body)

    assert caught.value.details["field"]
    assert caught.value.details["rule"]


def test_a_completion_brings_its_own_history() -> None:
    body = {
        "model": "gpt-6-luna",
        "max_tokens": 50,
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "one"},
            {"role": "assistant", "content": "two"},
            {"role": "user", "content": [{"type": "text", "text": "three"}]},
        ],
    }

    asked = question_from_completion(parse_fields(body, CompletionRequest), user_id=USER, names=CATALOG.names)

    assert (asked.text, asked.model, asked.output_tokens_max) == ("three", "gpt-6-luna", 50)
    assert asked.history == (Turn("user", "Be brief."), Turn("user", "one"), Turn("assistant", "two"))


def test_a_completion_must_end_with_the_user() -> None:
    body = {"messages": [{"role": "assistant", "content": "I"}]}

    with pytest.raises(FieldInvalid):
        question_from_completion(parse_fields(body, CompletionRequest), user_id=USER, names=CATALOG.names)


def test_history_is_cut_to_the_newest_and_begins_with_the_user() -> None:
    turns = [Turn("user" if n % 2 == 0 else "assistant", f"{n} " + "x" * 1000) for n in range(40)]

    kept = recent_turns(turns)

    assert kept[-1] == turns[-1]
    assert kept[0].role == "user"
    assert sum(len(turn.text) for turn in kept) <= HISTORY_BYTES_MAX


def test_a_long_history_in_any_script_leaves_a_free_plan_its_question() -> None:
    turns = [Turn("user" if n % 2 == 0 else "assistant", "比特币会涨吗" * 100) for n in range(40)]

    prompt = prompt_from(
        ["x" * (LENGTH_MAX - 1)], recent_turns(turns), "那以太坊呢？", conversation_id="c", now=NOW
    )

    budget = Budget(available=100, tier_cap=20)
    assert plan_model(
        CATALOG.candidates("grok"), prompt_tokens=prompt_tokens(prompt), output_tokens_max=1000, budget=budget
    ).candidates


@pytest.mark.parametrize(
    ("text", "symbols"),
    [
        ("What about BTC?", ["BTC/USDT"]),
        ("eth/btc or sol-usdt", ["ETH/BTC", "SOL/USDT", "ETH/USDT", "BTC/USDT"]),
        ("Is bitcoin near its high?", ["BTC/USDT"]),
        ("ADAUSDT please", ["ADA/USDT", "ADAUSDT/USDT"]),
        ("is btcusdt or linkusdt better", ["BTC/USDT", "LINK/USDT"]),
        ("nothing here", []),
    ],
)
def test_symbols_are_found_in_the_text(text: str, symbols: list[str]) -> None:
    assert list(mentioned_symbols(text)) == symbols


def test_mentions_are_bounded() -> None:
    assert len(mentioned_symbols(" ".join(f"COIN{n}" for n in range(1_000)))) == MENTIONS_MAX


def test_a_shouted_question_keeps_its_coin() -> None:
    text = "TELL ME PLEASE WHAT DO YOU THINK WILL HAPPEN TO ARB IN THE NEXT WEEK"

    assert "ARB/USDT" in mentioned_symbols(text)
