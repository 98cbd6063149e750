"""/v1/trading/analysis: ask for an analysis, and read those that were made."""

from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from orchestrator_api.analyses import store
from orchestrator_api.analyses.copying import copy_analyses
from orchestrator_api.analyses.rows import (
    FRAMES,
    AnalysisQuery,
    AnalysisRequest,
    AnalysisRow,
    question_from,
)
from orchestrator_api.answers import json_answer
from orchestrator_api.auth.token import authenticate
from orchestrator_api.chat.asking import REFUSALS, ask, completed, wants_cached
from orchestrator_api.chat.exchange import request_key
from orchestrator_api.chat.question import bounded_text
from orchestrator_api.jobs.asking import NotEnoughData
from orchestrator_api.openapi import documented
from orchestrator_api.paging import Page, decode_cursor, moment, page_of
from orchestrator_api.parsing import parse_body, parse_query
from orchestrator_api.resources import Resources
from zmarty.errors import DatabaseUnavailable, FieldInvalid, NotFound

MISSING = "You have no such analysis."


@documented(
    summary="Have a market analysed by a model",
    description=(
        "The chat's facts, models, tools and prices; the whole answer at once. `portfolio_review` needs holdings, and there are none yet: "
        "422 `not_enough_data`."
    ),
    tag="Analyses",
    request=AnalysisRequest,
    responses={200: AnalysisRow},
    errors=(*REFUSALS, NotEnoughData),
    headers={
        "Idempotency-Key": "Names this request, so that a repetition is answered and charged once (24 hours)."
    },
)
async def analyse(request: Request) -> Response:
    resources: Resources = request.state.resources
    user = await authenticate(request, resources.keys)
    asked = await parse_body(request, AnalysisRequest)
    if asked.request_type not in FRAMES:
        raise NotEnoughData("Not enough data: a portfolio review needs a portfolio, and you have none here.")
    key = request_key(request.headers.get("idempotency-key"), request.url.path, await request.body())
    question = question_from(asked, user_id=user.id, text=bounded_text(asked.query, "query"))
    event = await completed(
        await ask(resources, user, question, key, may_be_cached=wants_cached(request.headers))
    )
    [row] = await copy_analyses(resources, user.id, only=event.message_id)
    return json_answer(row)


@documented(
    summary="Your analyses, newest first",
    tag="Analyses",
    query=AnalysisQuery,
    responses={200: Page[AnalysisRow]},
    errors=(FieldInvalid, DatabaseUnavailable),
)
async def list_analyses(request: Request) -> Response:
    resources: Resources = request.state.resources
    user = await authenticate(request, resources.keys)
    asked = parse_query(request, AnalysisQuery)
    cursor = decode_cursor(asked.cursor, moment, lambda text: UUID(str(text)))
    if cursor is None:
        await copy_analyses(resources, user.id)
    rows = await store.analyses(
        resources.trading,
        user.id,
        request_type=asked.request_type,
        before=(cursor[0], cursor[1]) if cursor else None,
        limit=asked.limit + 1,
    )
    return json_answer(page_of(rows, asked.limit, lambda row: (row.created_at, row.id)))


@documented(
    summary="One of your analyses",
    tag="Analyses",
    responses={200: AnalysisRow},
    errors=(NotFound, DatabaseUnavailable),
)
async def show_analysis(request: Request) -> Response:
    resources: Resources = request.state.resources
    user = await authenticate(request, resources.keys)
    try:
        analysis_id = UUID(request.path_params["id"])
    except ValueError as error:
        raise NotFound(MISSING) from error
    row = await store.analysis(resources.trading, user.id, analysis_id)
    if row is None:
        await copy_analyses(resources, user.id, only=analysis_id)
        row = await store.analysis(resources.trading, user.id, analysis_id)
    if row is None:
        raise NotFound(MISSING)
    return json_answer(row)


routes: list[BaseRoute] = [
    Route("/v1/trading/analysis", analyse, methods=["POST"]),
    Route("/v1/trading/analysis", list_analyses, methods=["GET"]),
    Route("/v1/trading/analysis/{id}", show_analysis, methods=["GET"]),
]
