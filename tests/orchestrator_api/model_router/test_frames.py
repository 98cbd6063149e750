"""Streams of events come in any pieces and mean the same."""

import itertools
import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator_api.model_router.providers.frames import FRAME_BYTES_MAX, json_frames


async def read(pieces: Sequence[bytes]) -> list[Any]:
    async def body() -> AsyncIterator[bytes]:
        for piece in pieces:
            yield piece

    return [document async for document in json_frames(body())]


DOCUMENTS = [{"text": "plain"}, {"text": "€\u2028\x85\u0000 \\n"}, {}, {"usage": {"n": 1}}]
WIRE = (
    b": a comment\r\n\r\n"
    + b"".join(b"data: %s\n\n" % json.dumps(each, ensure_ascii=False).encode() for each in DOCUMENTS[:2])
    + b"event: chunk\r\ndata:{}\r\n\r\n"
    + b'data: {"usage": {"n": 1}}\n\ndata: [DONE]\n\n'
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, len(WIRE)), max_size=8))
async def test_the_pieces_do_not_matter(cuts: list[int]) -> None:
    places = [0, *sorted(cuts), len(WIRE)]

    assert await read([WIRE[start:end] for start, end in itertools.pairwise(places)]) == DOCUMENTS


async def test_nothing_counts_after_the_end() -> None:
    assert await read([b"data: {}\n\ndata: [DONE]\n\ndata: {broken\n\n", b"more"]) == [{}]


@pytest.mark.parametrize(
    "wire", [b"data: {broken\n\n", b"data: " + b"x" * (FRAME_BYTES_MAX + 1), b"data: \xff\n"]
)
async def test_what_is_no_frame_is_refused(wire: bytes) -> None:
    with pytest.raises(ValueError):
        await read([wire])
