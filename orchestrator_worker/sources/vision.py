"""Models that look at an image and answer in a JSON schema, each through its vendor's own SDK, under one shared limit."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Literal, Protocol, TypeAlias, cast

import structlog

from orchestrator_worker.sources.candle_source import utc_now
from orchestrator_worker.sources.limits import Limits
from orchestrator_worker.sources.vendor import (
    PATIENCE_SECONDS,
    REFUSED,
    AnswerUnreadable,
    QuotaUsed,
    SourceLimited,
    SourceUnavailable,
    retry_after_seconds,
)

log = structlog.get_logger(__name__)

NAME = "vision"
CONNECT_SECONDS = 5.0
READ_SECONDS = 60.0
ANSWER_TOKENS_MAX = 4_096
SCHEMA_NAME = "answer"

MediaType: TypeAlias = Literal["image/png", "image/jpeg"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """An image, what to read in it, and the JSON schema of the answer."""

    image: bytes
    media_type: MediaType
    instructions: str
    schema: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Seen:
    """What a model answered, as JSON, and which model it was. Its shape is checked by whoever asked."""

    answer: Any
    model: str


class VisionModel(Protocol):
    """One vendor's model. `see` returns the text of its answer or raises SourceUnavailable."""

    model: str

    async def see(self, look: Look) -> str: ...

    async def close(self) -> None: ...


class Vision:
    """Asks the models in order until one answers."""

    def __init__(self, models: Sequence[VisionModel], limits: Limits) -> None:
        assert models, "without a model there is no vision"
        self._models = tuple(models)
        self._limits = limits

    async def see(self, look: Look) -> Seen:
        """Raises the last model's SourceUnavailable when none of them answers."""
        failure: SourceUnavailable | None = None
        for model in self._models:
            await self._wait_turn()
            try:
                return Seen(_document(await model.see(look)), model.model)
            except SourceUnavailable as error:
                log.warning("vision_failed", model=model.model, reason=error.reason, answered=error.answered)
                failure = error
        assert failure is not None
        raise failure

    async def close(self) -> None:
        for model in self._models:
            await model.close()

    async def _wait_turn(self) -> None:
        admission = await self._limits.wait_turn(NAME, weight=1, patience_seconds=PATIENCE_SECONDS)
        if admission.is_granted:
            return
        kind = QuotaUsed if admission.verdict == "quota_used" else SourceLimited
        raise kind(NAME, REFUSED[admission.verdict], retry_after_seconds=admission.wait_seconds)


class LateModel:
    """A model whose SDK is loaded when it is first asked: that takes two seconds, and most workers never see an image."""

    def __init__(self, module: str, model: str, *, api_key: str, base_url: str) -> None:
        """`module` has `open_model`, which takes the rest."""
        self.model = model
        self._module = module
        self._access = {"api_key": api_key, "base_url": base_url}
        self._opening = asyncio.Lock()
        self._opened: VisionModel | None = None

    async def see(self, look: Look) -> str:
        async with self._opening:
            if self._opened is None:
                # In a thread: other messages go on meanwhile.
                module = await asyncio.to_thread(import_module, self._module)
                self._opened = module.open_model(self.model, **self._access)
        assert self._opened is not None
        return await self._opened.see(look)

    async def close(self) -> None:
        if self._opened is not None:
            await self._opened.close()


def refused(status: int, retry_after: str | None) -> SourceUnavailable:
    """What a refusing status means. The vendor's own words stay out: they may repeat the key or the image."""
    return SourceUnavailable(
        NAME,
        f"answered {status}",
        answered=status,
        retry_after_seconds=retry_after_seconds(retry_after, now=utc_now()),
    )


def _document(text: str) -> Any:
    try:
        return cast(Any, json.loads(text))
    except (ValueError, RecursionError) as error:
        raise AnswerUnreadable(NAME, "the answer is not JSON", answered=200) from error
