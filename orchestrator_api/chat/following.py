"""Tells the stream of an answer under way again, from its beginning to its end, whichever instance writes it."""

import asyncio
import time
from collections.abc import AsyncGenerator
from uuid import UUID

from orchestrator_api.chat import store
from orchestrator_api.chat.events import Failed
from orchestrator_api.chat.ui_stream import DONE, failed_frames
from orchestrator_api.credits.ledger import HOLD_SECONDS
from zmarty.errors import DatabaseUnavailable
from zmarty.postgres import Pool

LOOK_SECONDS = 0.25
# A writer is heard of four times a second; its process ended, or the database did, when it is silent for so long.
SILENT_SECONDS_MAX = 15.0
LOST = "The answer was lost on our side; if it was not stored, it is not charged."


async def follow(pool: Pool, message_id: UUID) -> AsyncGenerator[str, None]:
    """Always ends explicitly: with the answer's own end, or with an error when its writer is gone."""
    place, ends = -1, time.monotonic() + HOLD_SECONDS
    while time.monotonic() < ends:
        batches = await store.told_since(pool, message_id, place)
        if batches is None:
            break
        for batch in batches.told:
            place = batch.place
            yield batch.frames
        if batches.has_ended:
            return
        if batches.silent_seconds > SILENT_SECONDS_MAX:
            break
        await asyncio.sleep(LOOK_SECONDS)
    for frame in failed_frames(Failed(DatabaseUnavailable(LOST))):
        yield frame
    yield DONE
