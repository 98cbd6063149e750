"""GET /v1/admin/…: what the operators' page shows. Everything here needs an operator's token, and nothing here writes."""

import heapq
from typing import Literal

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from orchestrator_api.admin import store
from orchestrator_api.admin.rows import CronOverview, DeadLetter, QueueOverview, RecentError
from orchestrator_api.answers import json_answer
from orchestrator_api.auth.token import authenticate_operator
from orchestrator_api.health import store as vitals_store
from orchestrator_api.openapi import documented
from orchestrator_api.paging import Page, PageQuery, count, decode_cursor, moment, page_of
from orchestrator_api.parsing import parse_query
from orchestrator_api.resources import Resources
from zmarty.errors import DatabaseUnavailable, FieldInvalid

RUNS_PER_SCHEDULE = 10

QueueName = Literal["compute_signals", "compute_winrate", "ingest_indicators"]


class DeadLetterQuery(PageQuery):
    queue: QueueName | None = None


@documented(
    summary="Queues and workers",
    tag="Operators",
    responses={200: QueueOverview},
    errors=(DatabaseUnavailable,),
    access="operator",
)
async def show_queues(request: Request) -> Response:
    resources: Resources = request.state.resources
    await authenticate_operator(request, resources.keys)
    async with resources.trading.acquire() as connection:
        overview = QueueOverview(
            queues=await vitals_store.queues(connection), workers=await vitals_store.workers(connection)
        )
    return json_answer(overview)


@documented(
    summary="Runs of the schedules",
    tag="Operators",
    responses={200: CronOverview},
    errors=(DatabaseUnavailable,),
    access="operator",
)
async def show_cron(request: Request) -> Response:
    resources: Resources = request.state.resources
    await authenticate_operator(request, resources.keys)
    async with resources.chat.acquire() as connection:
        chat_runs = await vitals_store.cron(connection, "chat", runs=RUNS_PER_SCHEDULE)
    async with resources.trading.acquire() as connection:
        trading_runs = await vitals_store.cron(connection, "trading", runs=RUNS_PER_SCHEDULE)
    return json_answer(CronOverview(runs=[*chat_runs, *trading_runs]))


@documented(
    summary="Recent errors of the API and the workers, newest first",
    tag="Operators",
    query=PageQuery,
    responses={200: Page[RecentError]},
    errors=(FieldInvalid, DatabaseUnavailable),
    access="operator",
)
async def list_errors(request: Request) -> Response:
    resources: Resources = request.state.resources
    await authenticate_operator(request, resources.keys)
    asked = parse_query(request, PageQuery)
    before = decode_cursor(asked.cursor, moment, str, count) or store.FIRST_PAGE
    fetched = asked.limit + 1
    in_chat = await store.recent_errors(resources.chat, "chat", before=before, limit=fetched)
    in_trading = await store.recent_errors(resources.trading, "trading", before=before, limit=fetched)
    newest_first = heapq.merge(in_chat, in_trading, key=_error_key, reverse=True)
    return json_answer(page_of(list(newest_first)[:fetched], asked.limit, _error_key))


@documented(
    summary="Dead letters, newest first",
    tag="Operators",
    query=DeadLetterQuery,
    responses={200: Page[DeadLetter]},
    errors=(FieldInvalid, DatabaseUnavailable),
    access="operator",
)
async def list_dead_letters(request: Request) -> Response:
    resources: Resources = request.state.resources
    await authenticate_operator(request, resources.keys)
    asked = parse_query(request, DeadLetterQuery)
    before = decode_cursor(asked.cursor, moment, str, count) or store.FIRST_PAGE
    letters = await store.dead_letters(
        resources.trading, queue=asked.queue, before=before, limit=asked.limit + 1
    )
    return json_answer(page_of(letters, asked.limit, lambda row: (row.buried_at, row.queue, row.msg_id)))


def _error_key(row: RecentError) -> tuple[object, ...]:
    return row.occurred_at, row.database, row.id


routes = [
    Route("/v1/admin/queues", show_queues),
    Route("/v1/admin/cron", show_cron),
    Route("/v1/admin/errors", list_errors),
    Route("/v1/admin/dead-letters", list_dead_letters),
]
