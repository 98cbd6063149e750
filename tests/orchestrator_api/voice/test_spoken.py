"""What of an answer is said aloud, and whose links open what."""

from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator_api.voice.links import LINK_SECONDS, is_signed, signed_path
from orchestrator_api.voice.spoken import ENDING, SPOKEN_LENGTH_MAX, spoken_text

ONE, ADA, BOB = UUID(int=1), UUID(int=2), UUID(int=3)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("**Bitcoin** is _long_ and `BTC/USDT`.", "Bitcoin is long and BTC/USDT."),
        ("# Signals\n\n- one\n- two", "Signals\none\ntwo"),
        ("See [the chart](https://x.test/a) or https://x.test/b now", "See the chart or now"),
        ("| a | b |\n|---|---|\n| 1 | 2 |", "a , b\n1 , 2"),
        ("Before\n```python\nprint(1)\n```\nafter", "Before\nafter"),
        ("snake_case stays, 3 * 4 * 5 too", "snake_case stays, 3 * 4 * 5 too"),
        ("<b>bold</b> if 1 < 2", "bold if 1 < 2"),
        ("```\nonly code", ""),
        ("---", ""),
    ],
)
def test_marks_are_not_said(written: str, said: str) -> None:
    assert spoken_text(written) == said


def test_a_long_answer_ends_with_a_sentence() -> None:
    text = spoken_text("This is a sentence. " * 400)

    assert len(text) <= SPOKEN_LENGTH_MAX
    assert text.endswith("sentence." + ENDING)


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=6_000))
def test_whatever_is_written_stays_within_the_bound(written: str) -> None:
    assert len(spoken_text(written)) <= SPOKEN_LENGTH_MAX


def test_a_link_opens_its_recording_until_it_expires() -> None:
    path = signed_path("secret", ONE, ADA, now=1_000)
    signature = path.rpartition("=")[2]
    expires = 1_000 + LINK_SECONDS

    def opens(
        secret: str = "secret", recording: UUID = ONE, user: UUID = ADA, at: int = 1_001, until: int = expires
    ) -> bool:
        return is_signed(secret, recording, user, expires=until, signature=signature, now=at)

    assert path.startswith(f"/v1/voice/{ONE}?expires={expires}&")
    assert opens()
    assert not opens(secret="other")
    assert not opens(recording=UUID(int=9))
    assert not opens(user=BOB)
    assert not opens(at=expires)
    assert not opens(until=expires + 1)
