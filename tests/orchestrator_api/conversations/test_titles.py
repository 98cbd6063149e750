"""A title is the first question on one line, cut after a word."""

import pytest

from orchestrator_api.conversations.titles import TITLE_LENGTH_MAX, title_of


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("What about BTC?", "What about BTC?"),
        ("  What\n\tabout   BTC? ", "What about BTC?"),
        ("word " * 16, ("word " * 16).strip()),
        ("x" * 80, "x" * 80),
        ("x" * 81, "x" * 79 + "…"),
        ("one, " * 30, "one, " * 15 + "one…"),
        ("価" * 100, "価" * 79 + "…"),
        ("   ", ""),
    ],
)
def test_a_title_is_cut_after_a_word(text: str, title: str) -> None:
    assert title_of(text) == title
    assert len(title) <= TITLE_LENGTH_MAX


def test_a_whole_book_has_a_short_title() -> None:
    assert title_of("so " * 1_000_000) == "so " * 25 + "so…"
