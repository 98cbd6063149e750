"""Cursors: what goes in comes out, and nothing else does."""

import string
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator_api.paging import count, decode_cursor, encode_cursor, moment
from zmarty.errors import FieldInvalid

TEXTS = st.text(alphabet=string.printable + "äß/€", max_size=40)


@given(
    st.datetimes(timezones=st.just(UTC)),
    TEXTS,
    st.integers(min_value=0, max_value=2**63 - 1),
)
def test_a_cursor_reads_back_as_the_key(when: datetime, text: str, number: int) -> None:
    assert decode_cursor(encode_cursor(when, text, number), moment, str, count) == [when, text, number]


@given(st.text(max_size=200))
def test_text_we_never_gave_out_is_refused(text: str) -> None:
    # Three parts of the right kinds cannot come about by chance.
    with pytest.raises(FieldInvalid, match="cursor"):
        decode_cursor(text, moment, str, count)


@pytest.mark.parametrize("key", [("a\x00b",), ("\ud800",), (1.5,), (2**63,), (-1,), (None,), ()])
def test_a_forged_key_is_refused(key: tuple[object, ...]) -> None:
    converter = str if key and isinstance(key[0], str) else count
    forged = encode_cursor(*key)

    with pytest.raises(FieldInvalid):
        decode_cursor(forged, converter)


def test_a_forged_time_beyond_the_calendar_is_refused() -> None:
    with pytest.raises(FieldInvalid):
        decode_cursor(encode_cursor("0001-01-01T00:00:00+23:00"), moment)
