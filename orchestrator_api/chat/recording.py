"""Records what answers tell while they are written, so that a lost stream can be followed and an answer be stopped, by any instance.

One statement a tick serves all answers of this process: it keeps their frames, says that their writer lives, and hears who
wants which of them stopped.
"""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from uuid import UUID

import structlog

from orchestrator_api.background import Background
from orchestrator_api.chat import store
from orchestrator_api.losses import PASSING_LOSSES
from zmarty.postgres import Pool

log = structlog.get_logger(__name__)

TICK_SECONDS = 0.25
# How long frames of an answer that has ended wait for a database that is away.
KEPT_SECONDS = 20.0


class Recording:
    """One answer's: `stop` is set when somebody wants it stopped, and when its conversation was deleted."""

    def __init__(self, message_id: UUID) -> None:
        self.message_id = message_id
        self.stop = asyncio.Event()
        self.frames: list[str] = []
        self.place = 0
        self.ended_at: float | None = None

    async def keep(self, frames: AsyncGenerator[str, None]) -> None:
        """Take in the whole stream."""
        try:
            async with aclosing(frames):
                async for frame in frames:
                    self.frames.append(frame)
        finally:
            self.ended_at = time.monotonic()


class Recorder:
    """The recordings of this process."""

    def __init__(self, pool: Pool, background: Background) -> None:
        self._pool = pool
        self._background = background
        self._live: dict[UUID, Recording] = {}
        self._ticking: asyncio.Task[None] | None = None

    def record(self, message_id: UUID, frames: AsyncGenerator[str, None]) -> Recording:
        """Begin to record an answer that open_exchange has announced."""
        recording = self._live[message_id] = Recording(message_id)
        self._background.start(recording.keep(frames), name=f"record {message_id}")
        if self._ticking is None or self._ticking.done():
            # Ends by itself with the last recording, so that a drain waits for it.
            self._ticking = self._background.start(self._tick(), name="record answers")
        return recording

    async def _tick(self) -> None:
        while self._live:
            await asyncio.sleep(TICK_SECONDS)
            try:
                await self._flush()
            except PASSING_LOSSES as error:
                log.warning("answers_unrecorded", answers=len(self._live), error=type(error).__name__)
                self._give_up()

    async def _flush(self) -> None:
        recordings = list(self._live.values())
        batches = [len(recording.frames) for recording in recordings]
        ended = [recording.ended_at is not None for recording in recordings]
        wanted = await store.record_answers(
            self._pool,
            [
                store.Batch(
                    message_id=recording.message_id,
                    place=recording.place,
                    frames="".join(recording.frames[:count]),
                    is_last=is_last,
                )
                for recording, count, is_last in zip(recordings, batches, ended, strict=True)
            ],
        )
        for recording, count, is_last in zip(recordings, batches, ended, strict=True):
            del recording.frames[:count]
            recording.place += 1
            if is_last:
                del self._live[recording.message_id]
            elif wanted.get(recording.message_id, True):
                recording.stop.set()

    def _give_up(self) -> None:
        """Forget what ended while the database was away for longer than anybody waits."""
        oldest = time.monotonic() - KEPT_SECONDS
        for message_id, recording in list(self._live.items()):
            if recording.ended_at is not None and recording.ended_at < oldest:
                del self._live[message_id]
