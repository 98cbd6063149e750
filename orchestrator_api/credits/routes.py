"""What a user sees of their credits and bounds of them: balance, limits, entries, statements."""

from collections.abc import AsyncIterator

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from orchestrator_api.answers import json_answer
from orchestrator_api.auth.rls import as_user
from orchestrator_api.auth.token import authenticate
from orchestrator_api.auth.user import User
from orchestrator_api.credits import ledger, store
from orchestrator_api.credits.pricing import LOW_CREDITS
from orchestrator_api.credits.rows import (
    BalanceAnswer,
    DayAnswer,
    EntryAnswer,
    GrantAnswer,
    HistoryQuery,
    LimitsAnswer,
    LimitsRequest,
    NextMonthly,
    StatementAnswer,
    TotalAnswer,
    month_bounds,
)
from orchestrator_api.credits.store import EntryFilter, Standing
from orchestrator_api.credits.table import csv_header, csv_rows
from orchestrator_api.openapi import documented
from orchestrator_api.paging import Page, count, decode_cursor, page_of
from orchestrator_api.parsing import parse_body, parse_query
from orchestrator_api.resources import Resources
from zmarty.errors import BodyMalformed, DatabaseUnavailable, FieldInvalid, NotFound
from zmarty.postgres import Pool

CSV = "text/csv"
CSV_ROWS_AT_ONCE = 500
CSV_ROWS_MAX = 100_000


@documented(summary="Your credits", tag="Credits", responses={200: BalanceAnswer})
async def show_balance(request: Request) -> Response:
    resources: Resources = request.state.resources
    user = await authenticate(request, resources.keys)
    async with as_user(resources.chat, user) as connection:
        balance = await ledger.balance(connection, user.id)
        grants = await store.grants_of(connection, user.id)
        standing = await store.standing_of(connection, user.id)
    answer = BalanceAnswer(
        balance=balance.balance,
        held=balance.held,
        available=balance.available,
        low=balance.balance < LOW_CREDITS,
        low_since=standing.low_since if standing else None,
        grants=[GrantAnswer.model_validate(grant) for grant in grants],
        next_monthly=_next_monthly(standing),
        limits=_limits(standing),
    )
    return json_answer(answer)


@documented(summary="Your spending limits", tag="Credits", responses={200: LimitsAnswer})
async def show_limits(request: Request) -> Response:
    resources: Resources = request.state.resources
    user = await authenticate(request, resources.keys)
    return json_answer(await _limits_of(resources.chat, user))


@documented(
    summary="Set your spending limits",
    description=(
        "The most that one request, and all requests of a day in UTC, may cost. A request beyond them is refused "
        "with `spending_limit_reached` before anything is asked."
    ),
    tag="Credits",
    request=LimitsRequest,
    responses={200: LimitsAnswer},
    errors=(BodyMalformed, NotFound, FieldInvalid, DatabaseUnavailable),
)
async def set_limits(request: Request) -> Response:
    resources: Resources = request.state.resources
    user = await authenticate(request, resources.keys)
    asked = await parse_body(request, LimitsRequest)
    async with resources.chat.acquire() as connection:
        if await store.balance_of(connection, user.id) is None:
            raise NotFound("This account has no credits here; sign up again.")
        await store.set_limits(connection, user.id, per_request=asked.per_request, per_day=asked.per_day)
    return json_answer(await _limits_of(resources.chat, user))


@documented(
    summary="Every movement of your credits",
    description=f"Newest first. As CSV all of them come as one file, at most {CSV_ROWS_MAX:,}.",
    tag="Credits",
    query=HistoryQuery,
    responses={200: Page[EntryAnswer]},
    errors=(FieldInvalid,),
)
async def show_history(request: Request) -> Response:
    resources: Resources = request.state.resources
    user = await authenticate(request, resources.keys)
    query = parse_query(request, HistoryQuery)
    asked = EntryFilter(kind=query.kind, since=query.since, until=query.until, model=query.model)
    if query.format == "csv" or (query.format is None and CSV in request.headers.get("accept", "")):
        disposition = 'attachment; filename="zmarty-credits.csv"'
        return StreamingResponse(
            _csv_pieces(resources.chat, user, asked),
            media_type=CSV,
            headers={"Content-Disposition": disposition},
        )
    cursor = decode_cursor(query.cursor, count)
    async with as_user(resources.chat, user) as connection:
        entries = await store.entries_of(
            connection, user.id, asked=asked, before=cursor[0] if cursor else None, limit=query.limit + 1
        )
    rows = [EntryAnswer.model_validate(entry) for entry in entries]
    return json_answer(page_of(rows, query.limit, key=lambda row: (row.id,)))


async def _csv_pieces(chat: Pool, user: User, asked: EntryFilter) -> AsyncIterator[str]:
    """A piece a page, each read by itself: a slow reader holds no connection."""
    yield csv_header()
    before = None
    for _ in range(CSV_ROWS_MAX // CSV_ROWS_AT_ONCE):
        async with as_user(chat, user) as connection:
            entries = await store.entries_of(
                connection, user.id, asked=asked, before=before, limit=CSV_ROWS_AT_ONCE
            )
        if entries:
            yield csv_rows([EntryAnswer.model_validate(entry) for entry in entries])
            before = entries[-1].id
        if len(entries) < CSV_ROWS_AT_ONCE:
            return


@documented(
    summary="What moved in a month",
    description="A month in UTC, written `2026-11`. `opening` and all totals add up to `closing`.",
    tag="Credits",
    responses={200: StatementAnswer},
    errors=(FieldInvalid,),
)
async def show_statement(request: Request) -> Response:
    resources: Resources = request.state.resources
    user = await authenticate(request, resources.keys)
    month = request.path_params["month"]
    try:
        begin, end = month_bounds(month)
    except ValueError:
        raise FieldInvalid("month", "must be a month, like 2026-11") from None
    async with as_user(resources.chat, user) as connection:
        opening = await store.opening_of(connection, user.id, begin)
        totals = await store.totals_of(connection, user.id, begin, end)
        days = await store.spent_by_day(connection, user.id, begin, end)
    answer = StatementAnswer(
        month=month,
        opening=opening,
        totals=[TotalAnswer.model_validate(total) for total in totals],
        closing=opening + sum(total.credits for total in totals),
        days=[DayAnswer.model_validate(day) for day in days],
    )
    return json_answer(answer)


async def _limits_of(chat: Pool, user: User) -> LimitsAnswer:
    async with as_user(chat, user) as connection:
        return _limits(await store.standing_of(connection, user.id))


def _limits(standing: Standing | None) -> LimitsAnswer:
    if standing is None:
        return LimitsAnswer(per_request=None, per_day=None, used_today=0, left_today=None)
    per_day, used = standing.per_day, standing.used_today
    return LimitsAnswer(
        per_request=standing.per_request,
        per_day=per_day,
        used_today=used,
        left_today=None if per_day is None else max(0, per_day - used),
    )


def _next_monthly(standing: Standing | None) -> NextMonthly | None:
    if standing is None or not standing.monthly_credits:
        return None
    # What this month still owes comes with the next round of the schedule, within a day.
    at = standing.month_ends_at if standing.monthly_granted else standing.now
    return NextMonthly(credits=standing.monthly_credits, at=at)


routes: list[BaseRoute] = [
    Route("/v1/credits", show_balance, methods=["GET"]),
    Route("/v1/credits/limits", show_limits, methods=["GET"]),
    Route("/v1/credits/limits", set_limits, methods=["PUT"]),
    Route("/v1/credits/history", show_history, methods=["GET"]),
    Route("/v1/credits/statements/{month}", show_statement, methods=["GET"]),
]
