"""How a stream of pieces leaves the house: at its pace, and broken where a test wants it broken."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import TypeVar

from starlette.requests import Request

from local_stack.simulators.connection import cut
from local_stack.simulators.control import SILENCE_SECONDS_MAX, Faults

STALLS_AFTER_PIECES = 2

Piece = TypeVar("Piece", str, bytes)


class StreamCut(Exception):
    """The connection is gone, on purpose; nothing more can be sent."""


class ErrorInStream(Exception):
    """The vendor reports a failure inside a stream that had begun well."""


async def paced(pieces: Iterable[Piece], faults: Faults, request: Request) -> AsyncIterator[Piece]:
    """Yield each piece when its time has come. Raises StreamCut or ErrorInStream where the faults say so."""
    position = -1
    for position, piece in enumerate(pieces):
        await _obstacle(position, faults, request)
        delay = faults.first_token_ms if position == 0 else faults.piece_ms
        # Zero means at once, but other requests must still get their turn.
        await asyncio.sleep(delay / 1000)
        yield piece
    # A break after the last piece is one before the end marker.
    await _obstacle(position + 1, faults, request)


async def _obstacle(position: int, faults: Faults, request: Request) -> None:
    if position == faults.cut_after_pieces:
        await cut(request.scope, request.receive)
        raise StreamCut
    if position == faults.error_after_pieces:
        raise ErrorInStream
    if faults.stall and position == STALLS_AFTER_PIECES:
        await asyncio.sleep(SILENCE_SECONDS_MAX)
