"""Takes maps that an operator's tool signs: who may post, what is believed of a post, and that none counts twice."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar

from orchestrator_api.liquidations import store
from orchestrator_api.liquidations.image import Image, image_of
from orchestrator_api.liquidations.rows import PushedMap, PushReceipt, stored_clusters
from orchestrator_api.resources import Resources
from zmarty import queue
from zmarty.errors import FieldInvalid, ZmartyError
from zmarty.messages import PUSH_ID_LENGTH_MAX, IngestClusters
from zmarty.signing import SignatureMismatch, verify

AGE_MAX = timedelta(hours=1)
# Clocks differ.
AHEAD_MAX = timedelta(minutes=5)
WAITING_MAX = 200
IMAGES_WAITING_MAX = 50
RETRY_SECONDS = 60

_PUSH_ID = re.compile(rf"[A-Za-z0-9._:-]{{1,{PUSH_ID_LENGTH_MAX}}}")


class PushUnconfigured(ZmartyError):
    status: ClassVar[int] = 503
    code: ClassVar[str] = "push_unconfigured"


class SignatureInvalid(ZmartyError):
    status: ClassVar[int] = 401
    code: ClassVar[str] = "signature_invalid"


class VisionUnconfigured(ZmartyError):
    status: ClassVar[int] = 503
    code: ClassVar[str] = "vision_unconfigured"


class PushesWaiting(ZmartyError):
    status: ClassVar[int] = 429
    code: ClassVar[str] = "rate_limited"


@dataclass(frozen=True, slots=True)
class Push:
    """A verified map under its webhook-id."""

    id: str
    pushed: PushedMap
    image: Image | None


def verified_id(secrets: Sequence[str], headers: Mapping[str, str], body: bytes) -> str:
    """The webhook-id of a body that one of our secrets signed within the last five minutes.

    Raises PushUnconfigured, SignatureInvalid and, for an id that we cannot keep, FieldInvalid.
    """
    if not secrets:
        raise PushUnconfigured("Maps cannot be posted here: CLUSTERS_WEBHOOK_SECRETS is not set.")
    try:
        verify(secrets, headers, body)
    except SignatureMismatch as error:
        raise SignatureInvalid(f"The signature does not hold: {error}.") from error
    push_id = headers.get("webhook-id", "")
    if not _PUSH_ID.fullmatch(push_id):
        raise FieldInvalid(
            "webhook-id",
            f"must have 1 to {PUSH_ID_LENGTH_MAX} letters, digits, dots, colons, dashes or underscores",
        )
    return push_id


def push_from(push_id: str, pushed: PushedMap, *, now: datetime) -> Push:
    """Look at what was posted. Raises FieldInvalid for a map of another time and for what is no image."""
    if not now - AGE_MAX <= pushed.observed_at <= now + AHEAD_MAX:
        raise FieldInvalid("observed_at", "must lie within the last hour")
    if pushed.image is not None and pushed.confidence is not None:
        raise FieldInvalid(
            "confidence", "comes from the model that reads an image; send it with clusters only"
        )
    return Push(push_id, pushed, None if pushed.image is None else image_of(pushed.image))


async def accept(resources: Resources, push: Push) -> PushReceipt:
    """Store a push and tell the worker, once for each id. Raises VisionUnconfigured and PushesWaiting."""
    # A provider that answers questions looks at images, too; the worker asks it.
    if push.image is not None and not resources.router.states():
        raise VisionUnconfigured("No model that reads images is configured; post the clusters instead.")
    async with resources.trading.acquire() as connection, connection.transaction():
        known = await store.find_push(connection, push.id)
        if known is None:
            waiting, images = await store.waiting_pushes(connection)
            if waiting >= WAITING_MAX or (push.image is not None and images >= IMAGES_WAITING_MAX):
                raise PushesWaiting(
                    "Too many maps wait to be read; send this one again later.",
                    retry_after_seconds=RETRY_SECONDS,
                )
            image = push.image
            if await store.save_push(
                connection,
                push.id,
                push.pushed,
                clusters=stored_clusters(push.pushed),
                image=image.data if image else None,
                media_type=image.media_type if image else None,
            ):
                await queue.send(connection, IngestClusters(symbol=push.pushed.symbol, push_id=push.id))
                return PushReceipt(result="accepted", id=push.id, state="waiting")
            # Two of them came at once, and the other one was first.
            known = await store.find_push(connection, push.id)
            assert known is not None
        return PushReceipt(result="duplicate", id=push.id, state=known[0], refusal=known[1])
