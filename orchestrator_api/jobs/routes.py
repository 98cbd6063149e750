"""GET and DELETE /v1/jobs: a user's own jobs; operators see and stop any."""

from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from orchestrator_api.answers import json_answer
from orchestrator_api.auth.token import authenticate
from orchestrator_api.jobs.rows import JobQuery, JobRow
from orchestrator_api.openapi import documented
from orchestrator_api.paging import Page, decode_cursor, moment, page_of
from orchestrator_api.parsing import parse_query
from orchestrator_api.resources import Resources
from zmarty import jobs
from zmarty.errors import DatabaseUnavailable, FieldInvalid, NotFound


@documented(
    summary="Your jobs, newest first",
    tag="Jobs",
    query=JobQuery,
    responses={200: Page[JobRow]},
    errors=(FieldInvalid, DatabaseUnavailable),
)
async def list_jobs(request: Request) -> Response:
    resources: Resources = request.state.resources
    user = await authenticate(request, resources.keys)
    asked = parse_query(request, JobQuery)
    cursor = decode_cursor(asked.cursor, moment, lambda text: UUID(str(text)))
    before = (cursor[0], cursor[1]) if cursor else None
    found = await jobs.of_user(
        resources.trading, user.id, kind=asked.kind, before=before, limit=asked.limit + 1
    )
    rows = [JobRow.model_validate(job) for job in found]
    return json_answer(page_of(rows, asked.limit, lambda row: (row.created_at, row.id)))


@documented(
    summary="How far a job is",
    tag="Jobs",
    responses={200: JobRow},
    errors=(NotFound, DatabaseUnavailable),
)
async def show_job(request: Request) -> Response:
    return json_answer(JobRow.model_validate(await _job(request)))


@documented(
    summary="Cancel a job",
    description=(
        "Safe to repeat. A job that waits is cancelled at once, a running one at its next step; one that has ended stays as it is."
    ),
    tag="Jobs",
    responses={200: JobRow},
    errors=(NotFound, DatabaseUnavailable),
)
async def cancel_job(request: Request) -> Response:
    resources: Resources = request.state.resources
    job = await _job(request)
    cancelled = await jobs.cancel(resources.trading, job.id)
    return json_answer(JobRow.model_validate(cancelled or job))


async def _job(request: Request) -> jobs.Job:
    """The job that the path names. Another user's is not found rather than forbidden: its existence is nobody's business."""
    resources: Resources = request.state.resources
    user = await authenticate(request, resources.keys)
    try:
        job = await jobs.find(resources.trading, UUID(request.path_params["id"]))
    except ValueError:
        job = None
    if job is None or (job.user_id != user.id and not user.is_operator):
        raise NotFound("You have no such job.")
    return job


routes = [
    Route("/v1/jobs", list_jobs, methods=["GET"]),
    Route("/v1/jobs/{id}", show_job, methods=["GET"]),
    Route("/v1/jobs/{id}", cancel_job, methods=["DELETE"]),
]
