"""Text that passes through us comes out storable and otherwise unchanged."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator_api.model_router.text import storable


@pytest.mark.parametrize(
    ("text", "stored"),
    [("plain", "plain"), ("a\x00b", "ab"), ("€ 🙂", "€ 🙂"), ("\ud83d\ude42", "🙂"), ("\ud83d!", "\ufffd!")],
)
def test_only_what_cannot_be_stored_changes(text: str, stored: str) -> None:
    assert storable(text) == stored


@given(st.text(st.characters(codec=None, exclude_categories=())))
def test_the_result_can_always_be_written(text: str) -> None:
    result = storable(text)

    assert "\x00" not in result
    assert storable(result.encode().decode()) == result
