"""/v1/orchestration: compare the mirror now, and see how it stands. Users see themselves, operators everybody."""

from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from orchestrator_api.admin.actor import actor_of
from orchestrator_api.admin.audit import audited
from orchestrator_api.answers import json_answer
from orchestrator_api.auth.token import authenticate
from orchestrator_api.auth.user import Forbidden, User
from orchestrator_api.openapi import Answer, documented
from orchestrator_api.orchestration import store
from orchestrator_api.orchestration.rows import MirrorStatus, SyncRequest, SyncTask
from orchestrator_api.paging import Page, PageQuery, decode_cursor, moment, page_of
from orchestrator_api.parsing import parse_body, parse_query
from orchestrator_api.resources import Resources
from zmarty import jobs, queue
from zmarty.errors import BodyMalformed, DatabaseUnavailable, FieldInvalid, NotFound
from zmarty.jobs import Job
from zmarty.messages import Reconcile

KIND = "sync"


@documented(
    summary="Compare what the trading database knows with what is true, and have the rest sent again",
    description="A task that waits already is answered instead of a second one. Follow it with its status or `GET /v1/events`.",
    tag="Orchestration",
    request=SyncRequest,
    responses={
        200: Answer("A task of this scope waits already.", SyncTask),
        202: Answer("Queued.", SyncTask),
    },
    errors=(BodyMalformed, FieldInvalid, Forbidden, DatabaseUnavailable),
)
async def queue_sync(request: Request) -> Response:
    resources: Resources = request.state.resources
    user = await authenticate(request, resources.keys)
    asked = await parse_body(request, SyncRequest)
    subject = asked.user_id or (None if user.is_operator else user.id)
    _require_own(user, subject)
    if subject == user.id:
        task, is_new = await _queue(resources, subject, user)
    else:
        entity = f"user:{subject}" if subject else "mirror"
        async with audited(resources.chat, actor_of(request, user), "sync_queue", entity, {}) as result:
            task, is_new = await _queue(resources, subject, user)
            result |= {"task_id": str(task.id), "is_new": is_new}
    return json_answer(_shown(task), status=202 if is_new else 200)


async def _queue(resources: Resources, subject: UUID | None, user: User) -> tuple[Job, bool]:
    async with resources.trading.acquire() as connection, connection.transaction():
        if waiting := await store.waiting_sync(connection, subject):
            return waiting, False
        job_id = await jobs.create(
            connection, kind=KIND, user_id=subject, detail={"requested_by": str(user.id)}
        )
        await queue.send(connection, Reconcile(user_id=subject, job_id=job_id))
        task = await jobs.find(connection, job_id)
    assert task is not None, "it was just made"
    return task, True


@documented(
    summary="How far a sync task is",
    tag="Orchestration",
    responses={200: SyncTask},
    errors=(NotFound, DatabaseUnavailable),
)
async def show_sync(request: Request) -> Response:
    resources: Resources = request.state.resources
    user = await authenticate(request, resources.keys)
    try:
        task = await jobs.find(resources.trading, UUID(request.path_params["task_id"]))
    except ValueError:
        task = None
    # Another user's is not found rather than forbidden: its existence is nobody's business.
    if task is None or task.kind != KIND or (task.user_id != user.id and not user.is_operator):
        raise NotFound("You have no such sync task.")
    return json_answer(_shown(task))


@documented(
    summary="A user's sync tasks, newest first",
    tag="Orchestration",
    query=PageQuery,
    responses={200: Page[SyncTask]},
    errors=(FieldInvalid, Forbidden, DatabaseUnavailable),
)
async def list_syncs(request: Request) -> Response:
    resources: Resources = request.state.resources
    user = await authenticate(request, resources.keys)
    try:
        subject = UUID(request.path_params["user_id"])
    except ValueError as error:
        raise FieldInvalid("user_id", "must be a uuid") from error
    _require_own(user, subject)
    asked = parse_query(request, PageQuery)
    cursor = decode_cursor(asked.cursor, moment, lambda text: UUID(str(text)))
    before = (cursor[0], cursor[1]) if cursor else None
    found = await jobs.of_user(resources.trading, subject, kind=KIND, before=before, limit=asked.limit + 1)
    tasks = [_shown(task) for task in found]
    return json_answer(page_of(tasks, asked.limit, lambda task: (task.created_at, task.task_id)))


@documented(
    summary="How the mirror stands: your part of it, or the whole for operators",
    tag="Orchestration",
    responses={200: MirrorStatus},
    errors=(DatabaseUnavailable,),
)
async def show_status(request: Request) -> Response:
    resources: Resources = request.state.resources
    user = await authenticate(request, resources.keys)
    subject = None if user.is_operator else user.id
    changes = await store.changes_under_way(resources.chat, subject)
    mirrored = await store.mirrored(resources.trading, subject)
    last_sync = await store.last_sync(resources.trading, subject)
    return json_answer(
        MirrorStatus.model_validate(
            {
                "scope": "user" if subject else "everybody",
                "delivered_at": await store.delivered_at(resources.chat, subject),
                "last_sync": _shown(last_sync) if last_sync else None,
                **changes,
                **mirrored,
            }
        )
    )


def _require_own(user: User, subject: UUID | None) -> None:
    if subject != user.id and not user.is_operator:
        raise Forbidden("This is another user's; only operators may ask for it.")


def _shown(task: Job) -> SyncTask:
    return SyncTask(
        task_id=task.id,
        user_id=task.user_id,
        state=task.state,
        progress=task.progress,
        result=task.result,
        error=task.error,
        created_at=task.created_at,
        updated_at=task.updated_at,
    )


routes = [
    Route("/v1/orchestration/sync/queue", queue_sync, methods=["POST"]),
    Route("/v1/orchestration/sync/status/{task_id}", show_sync, methods=["GET"]),
    Route("/v1/orchestration/sync/history/{user_id}", list_syncs, methods=["GET"]),
    Route("/v1/orchestration/status", show_status, methods=["GET"]),
]
