"""GET /v1/admin/…: what the operators' page shows. Everything here needs an operator's token, and nothing here writes."""

import heapq

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from orchestrator_api.admin import store
from orchestrator_api.admin.rows import (
    DIFFERENCES_MAX,
    Action,
    CronOverview,
    DeadLetter,
    Money,
    OutboxOverview,
    ProviderOverview,
    ProviderStanding,
    QueueMessage,
    QueueOverview,
    QueueStanding,
    RecentError,
)
from orchestrator_api.answers import json_answer
from orchestrator_api.auth.token import authenticate_operator
from orchestrator_api.health import store as vitals_store
from orchestrator_api.openapi import documented
from orchestrator_api.paging import Page, PageQuery, count, decode_cursor, encode_cursor, moment, page_of
from orchestrator_api.parsing import parse_query
from orchestrator_api.resources import Resources
from zmarty.errors import DatabaseUnavailable, FieldInvalid

RUNS_PER_SCHEDULE = 10


class DeadLetterQuery(PageQuery):
    queue: str | None = Field(default=None, max_length=64, description="One queue's only.")


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
        queues = await vitals_store.queues(connection)
        paused_by = await store.pauses(connection)
        overview = QueueOverview(
            queues=[
                QueueStanding(**queue.model_dump(), paused_by=paused_by.get(queue.name)) for queue in queues
            ],
            workers=await vitals_store.workers(connection),
            horizon=await store.horizon(connection),
        )
    return json_answer(overview)


@documented(
    summary="Messages of a queue in the order they are due; looking takes none",
    tag="Operators",
    query=PageQuery,
    responses={200: Page[QueueMessage]},
    errors=(store.QueueUnknown, FieldInvalid, DatabaseUnavailable),
    access="operator",
)
async def list_messages(request: Request) -> Response:
    resources: Resources = request.state.resources
    await authenticate_operator(request, resources.keys)
    asked = parse_query(request, PageQuery)
    queue = request.path_params["queue"]
    after = decode_cursor(asked.cursor, moment, count) or (None, None)
    await store.require_queue(resources.trading, queue)
    messages = await store.peek(resources.trading, queue, after=after, limit=asked.limit + 1)
    return json_answer(page_of(messages, asked.limit, lambda row: (row.due_at, row.msg_id)))


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
    errors=(store.QueueUnknown, FieldInvalid, DatabaseUnavailable),
    access="operator",
)
async def list_dead_letters(request: Request) -> Response:
    resources: Resources = request.state.resources
    await authenticate_operator(request, resources.keys)
    asked = parse_query(request, DeadLetterQuery)
    before = decode_cursor(asked.cursor, moment, str, count) or store.FIRST_PAGE
    if asked.queue is not None:
        await store.require_queue(resources.trading, asked.queue)
    letters = await store.dead_letters(
        resources.trading, queue=asked.queue, before=before, limit=asked.limit + 1
    )
    return json_answer(page_of(letters, asked.limit, lambda row: (row.buried_at, row.queue, row.msg_id)))


@documented(
    summary="The mirror's backlog and what was refused",
    tag="Operators",
    query=PageQuery,
    responses={200: OutboxOverview},
    errors=(FieldInvalid, DatabaseUnavailable),
    access="operator",
)
async def show_outbox(request: Request) -> Response:
    resources: Resources = request.state.resources
    await authenticate_operator(request, resources.keys)
    asked = parse_query(request, PageQuery)
    (after,) = decode_cursor(asked.cursor, count) or (0,)
    async with resources.chat.acquire() as connection:
        counts = await vitals_store.outbox(connection)
    oldest = await store.outbox(resources.chat, parked=False, after=0, limit=1)
    parked = await store.outbox(resources.chat, parked=True, after=after, limit=asked.limit + 1)
    shown = parked[: asked.limit]
    overview = OutboxOverview(
        outbox=counts,
        oldest=oldest[0] if oldest else None,
        parked=shown,
        next=encode_cursor(shown[-1].id) if len(parked) > len(shown) else None,
    )
    return json_answer(overview)


@documented(
    summary="Providers with their breakers and probes; vendors of market data with their limits",
    description="Breakers and probes are those of the instance that answers.",
    tag="Operators",
    responses={200: ProviderOverview},
    errors=(DatabaseUnavailable,),
    access="operator",
)
async def show_providers(request: Request) -> Response:
    resources: Resources = request.state.resources
    await authenticate_operator(request, resources.keys)
    breakers, models = resources.router.states(), resources.router.model_states()
    findings = resources.probes.findings
    providers = [
        ProviderStanding(
            name=name,
            breaker=breakers.get(name),
            models=models.get(name, {}),
            probe=finding.state,
            latency_ms=finding.latency_ms,
            checked_at=finding.checked_at,
            reason=finding.reason,
        )
        for name, finding in findings.items()
    ]
    overview = ProviderOverview(
        providers=providers,
        vendors=await store.vendors(resources.trading),
        sources=await store.sources(resources.trading),
    )
    return json_answer(overview)


@documented(
    summary="All credits, and whether the books agree",
    description="Adds up every entry there is; ask now and then, not every second.",
    tag="Operators",
    responses={200: Money},
    errors=(DatabaseUnavailable,),
    access="operator",
)
async def show_money(request: Request) -> Response:
    resources: Resources = request.state.resources
    await authenticate_operator(request, resources.keys)
    # One snapshot, or credits that move meanwhile would look like a difference.
    async with (
        resources.chat.acquire() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        accounts = await store.money_accounts(connection)
        entries = await store.money_entries(connection)
        holds = await store.money_holds(connection)
        differences = await store.money_differences(connection, limit=DIFFERENCES_MAX)
    entries_sum = sum(total.credits for total in entries)
    money = Money(
        **accounts,
        entries=entries,
        entries_sum=entries_sum,
        holds=holds,
        agrees=not differences and accounts["balance"] == entries_sum and accounts["held"] == holds.credits,
        differences=differences,
    )
    return json_answer(money)


@documented(
    summary="The audit log, newest first",
    tag="Operators",
    query=PageQuery,
    responses={200: Page[Action]},
    errors=(FieldInvalid, DatabaseUnavailable),
    access="operator",
)
async def list_actions(request: Request) -> Response:
    resources: Resources = request.state.resources
    await authenticate_operator(request, resources.keys)
    asked = parse_query(request, PageQuery)
    (before,) = decode_cursor(asked.cursor, count) or (store.ID_MAX,)
    actions = await store.audit(resources.chat, before=before, limit=asked.limit + 1)
    return json_answer(page_of(actions, asked.limit, lambda row: (row.id,)))


def _error_key(row: RecentError) -> tuple[object, ...]:
    return row.occurred_at, row.database, row.id


routes = [
    Route("/v1/admin/queues", show_queues),
    Route("/v1/admin/queues/{queue}/messages", list_messages),
    Route("/v1/admin/cron", show_cron),
    Route("/v1/admin/errors", list_errors),
    Route("/v1/admin/dead-letters", list_dead_letters),
    Route("/v1/admin/outbox", show_outbox),
    Route("/v1/admin/providers", show_providers),
    Route("/v1/admin/money", show_money),
    Route("/v1/admin/audit", list_actions),
]
