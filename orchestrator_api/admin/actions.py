"""POST /v1/admin/…: what operators do. Each is safe to repeat and leaves its intent and its result in the audit log."""

from collections.abc import Awaitable, Callable, Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from orchestrator_api.admin import store
from orchestrator_api.admin.actor import Actor, actor_of
from orchestrator_api.admin.audit import audited
from orchestrator_api.admin.rows import (
    PURGE_MAX,
    Letters,
    LettersDone,
    OutboxRetried,
    OutboxRows,
    Purged,
    PurgeOrder,
    QueuePause,
)
from orchestrator_api.answers import json_answer
from orchestrator_api.auth.token import authenticate_operator
from orchestrator_api.openapi import documented
from orchestrator_api.parsing import parse_body
from orchestrator_api.resources import Resources
from zmarty.errors import BodyMalformed, DatabaseUnavailable, FieldInvalid
from zmarty.postgres import Pool

REFUSALS = (store.QueueUnknown, BodyMalformed, FieldInvalid, DatabaseUnavailable)


@documented(
    summary="Send the originals of dead letters again",
    description="Each goes back as a new message, in one transaction with its letter's leaving.",
    tag="Operators",
    request=Letters,
    responses={200: LettersDone},
    errors=REFUSALS,
    access="operator",
)
async def retry_letters(request: Request) -> Response:
    return json_answer(await _work_through(request, "dead_letters_retry", store.retry_dead))


@documented(
    summary="Put dead letters aside without doing their work",
    description="They stay in the archive until it is pruned.",
    tag="Operators",
    request=Letters,
    responses={200: LettersDone},
    errors=REFUSALS,
    access="operator",
)
async def discard_letters(request: Request) -> Response:
    return json_answer(await _work_through(request, "dead_letters_discard", store.discard_dead))


async def _work_through(
    request: Request, action: str, work: Callable[[Pool, str, Sequence[int]], Awaitable[int]]
) -> LettersDone:
    resources, actor, queue = await _order(request)
    letters = await parse_body(request, Letters)
    ids = list(dict.fromkeys(letters.msg_ids))
    await store.require_queue(resources.trading, queue)
    asked = {"count": len(ids), "msg_ids": ids}
    async with audited(resources.chat, actor, action, f"queue:{queue}", asked) as result:
        result["count"] = done = await work(resources.trading, queue, ids)
    return LettersDone(queue=queue, asked=len(ids), done=done)


@documented(
    summary="Hand out no more messages of a queue",
    description="Until it is resumed, through restarts too. What is in flight goes on to its end.",
    tag="Operators",
    responses={200: QueuePause},
    errors=(store.QueueUnknown, DatabaseUnavailable),
    access="operator",
)
async def pause_queue(request: Request) -> Response:
    resources, actor, queue = await _order(request)
    await store.require_queue(resources.trading, queue)
    async with audited(resources.chat, actor, "queue_pause", f"queue:{queue}", {}) as result:
        result["changed"] = changed = await store.pause(resources.trading, queue, actor.name)
    return json_answer(QueuePause(queue=queue, is_paused=True, changed=changed))


@documented(
    summary="Hand out messages of a paused queue again",
    tag="Operators",
    responses={200: QueuePause},
    errors=(store.QueueUnknown, DatabaseUnavailable),
    access="operator",
)
async def resume_queue(request: Request) -> Response:
    resources, actor, queue = await _order(request)
    await store.require_queue(resources.trading, queue)
    async with audited(resources.chat, actor, "queue_resume", f"queue:{queue}", {}) as result:
        result["changed"] = changed = await store.resume(resources.trading, queue)
    return json_answer(QueuePause(queue=queue, is_paused=False, changed=changed))


@documented(
    summary="Delete messages of a queue for good",
    description=f"Up to {PURGE_MAX} a request, those due first. Dead letters stay.",
    tag="Operators",
    request=PurgeOrder,
    responses={200: Purged},
    errors=REFUSALS,
    access="operator",
)
async def purge_queue(request: Request) -> Response:
    resources, actor, queue = await _order(request)
    order = await parse_body(request, PurgeOrder)
    await store.require_queue(resources.trading, queue)
    if order.confirm != queue:
        raise FieldInvalid("confirm", f"must be the queue's name, {queue}")
    async with audited(
        resources.chat, actor, "queue_purge", f"queue:{queue}", {"limit": PURGE_MAX}
    ) as result:
        result["count"] = purged = await store.purge(resources.trading, queue, PURGE_MAX)
    return json_answer(Purged(queue=queue, purged=purged, limit=PURGE_MAX))


@documented(
    summary="Give parked changes to the relay again",
    tag="Operators",
    request=OutboxRows,
    responses={200: OutboxRetried},
    errors=(BodyMalformed, FieldInvalid, DatabaseUnavailable),
    access="operator",
)
async def retry_outbox(request: Request) -> Response:
    resources, actor, _ = await _order(request)
    rows = await parse_body(request, OutboxRows)
    # Both lie in the chat database, so here one transaction holds the action and what is said of it.
    async with resources.chat.acquire() as connection, connection.transaction():
        retried = await store.retry_outbox(connection, rows.ids)
        intent = await store.save_intent(
            connection, actor, "outbox_retry_requested", "outbox", {"ids": rows.ids}
        )
        await store.save_result(connection, intent, "outbox_retry_done", {"ids": retried})
    return json_answer(OutboxRetried(retried=retried))


async def _order(request: Request) -> tuple[Resources, Actor, str]:
    """Who orders what: refuses everybody but operators before anything is read."""
    resources: Resources = request.state.resources
    user = await authenticate_operator(request, resources.keys)
    return resources, actor_of(request, user), request.path_params.get("queue", "")


routes = [
    Route("/v1/admin/dead-letters/{queue}/retry", retry_letters, methods=["POST"]),
    Route("/v1/admin/dead-letters/{queue}/discard", discard_letters, methods=["POST"]),
    Route("/v1/admin/queues/{queue}/pause", pause_queue, methods=["POST"]),
    Route("/v1/admin/queues/{queue}/resume", resume_queue, methods=["POST"]),
    Route("/v1/admin/queues/{queue}/purge", purge_queue, methods=["POST"]),
    Route("/v1/admin/outbox/retry", retry_outbox, methods=["POST"]),
]
