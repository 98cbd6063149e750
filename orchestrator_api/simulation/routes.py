"""/v1/simulation, /v1/patterns, /v1/risk and /v1/reports: ask for a simulation; /v1/simulations: read what came of it."""

from typing import Any, TypeVar
from uuid import UUID

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from orchestrator_api.answers import json_answer
from orchestrator_api.auth.token import authenticate
from orchestrator_api.auth.user import User
from orchestrator_api.credits.pricing import CreditsExhausted, SpendingLimitReached
from orchestrator_api.jobs import asking
from orchestrator_api.jobs.rows import JobRow
from orchestrator_api.openapi import Answer, documented
from orchestrator_api.paging import Page, PageQuery, count, decode_cursor, encode_cursor, moment, page_of
from orchestrator_api.parsing import parse_body, parse_query
from orchestrator_api.resources import Resources
from orchestrator_api.simulation import running, store
from orchestrator_api.simulation.page import POLICY, page_of_report
from orchestrator_api.simulation.requests import (
    AnalyzeRequest,
    AssessRiskRequest,
    ReportRequest,
    SimulationQuery,
    SimulationRequest,
    ValidatePatternRequest,
    WinRatioRequest,
)
from orchestrator_api.simulation.rows import (
    AnalyzeAnswer,
    AssessRiskAnswer,
    ReportAnswer,
    ReportDocument,
    SimulationDetail,
    SimulationRow,
    ValidatePatternAnswer,
    WinRatioAnswer,
)
from zmarty.errors import (
    BodyMalformed,
    DatabaseUnavailable,
    FieldInvalid,
    NotFound,
    SymbolUnknown,
    SymbolUnsupported,
)

# The newest trades of a report; the whole list is paged at /v1/simulations/{id}.
REPORT_TRADES_MAX = 200

ASKING = (
    BodyMalformed,
    FieldInvalid,
    SymbolUnknown,
    SymbolUnsupported,
    CreditsExhausted,
    SpendingLimitReached,
    DatabaseUnavailable,
    *asking.REFUSALS,
)
LATER = Answer("It takes longer than a request waits: the job, to follow at `Location`.", JobRow)
PRICE = "Costs 1 credit when it succeeds. Answers within ten seconds, or with the job to follow."

Ask = TypeVar("Ask", bound=SimulationRequest | AssessRiskRequest)


@documented(
    summary="Replay a strategy or a pattern over history",
    description=f"Bar by bar with the live code, fees and slippage included, pessimistic within a bar. {PRICE}",
    tag="Simulation",
    request=AnalyzeRequest,
    responses={200: AnalyzeAnswer, 202: LATER},
    errors=ASKING,
)
async def analyze(request: Request) -> Response:
    return await _simulate(request, AnalyzeRequest, AnalyzeAnswer)


@documented(
    summary="How often a strategy's or a pattern's plans reached their target",
    description=f"Each plan is judged by itself, overlapping or not. {PRICE}",
    tag="Simulation",
    request=WinRatioRequest,
    responses={200: WinRatioAnswer, 202: LATER},
    errors=ASKING,
)
async def win_ratio(request: Request) -> Response:
    return await _simulate(request, WinRatioRequest, WinRatioAnswer)


@documented(
    summary="Whether a pattern beats entering at random",
    description=PRICE,
    tag="Simulation",
    request=ValidatePatternRequest,
    responses={200: ValidatePatternAnswer, 202: LATER},
    errors=ASKING,
)
async def validate_pattern(request: Request) -> Response:
    return await _simulate(request, ValidatePatternRequest, ValidatePatternAnswer)


@documented(
    summary="What a planned trade has risked in the past",
    description=f"Enters the plan on every candle of the lookback. {PRICE}",
    tag="Simulation",
    request=AssessRiskRequest,
    responses={200: AssessRiskAnswer, 202: LATER},
    errors=ASKING,
)
async def assess_risk(request: Request) -> Response:
    return await _simulate(request, AssessRiskRequest, AssessRiskAnswer)


@documented(
    summary="Make a report about a symbol",
    description=f"Read it at `/v1/reports/{{id}}`, as JSON or as a page. {PRICE}",
    tag="Simulation",
    request=ReportRequest,
    responses={200: ReportAnswer, 202: LATER},
    errors=ASKING,
)
async def generate_report(request: Request) -> Response:
    return await _simulate(request, ReportRequest, ReportAnswer)


async def _simulate(request: Request, kind: type[Ask], answer: type[BaseModel]) -> Response:
    resources: Resources = request.state.resources
    user = await authenticate(request, resources.keys)
    asked = await parse_body(request, kind)
    job_id = await running.start(resources, user.id, asked)
    return asking.answered(await asking.answer_of(resources, job_id), answer)


@documented(
    summary="Your simulations, newest first",
    tag="Simulation",
    query=SimulationQuery,
    responses={200: Page[SimulationRow]},
    errors=(FieldInvalid, DatabaseUnavailable),
)
async def list_simulations(request: Request) -> Response:
    resources: Resources = request.state.resources
    user = await authenticate(request, resources.keys)
    asked = parse_query(request, SimulationQuery)
    cursor = decode_cursor(asked.cursor, moment, lambda text: UUID(str(text)))
    rows = await store.simulations(
        resources.trading,
        user.id,
        kind=asked.kind,
        before=(cursor[0], cursor[1]) if cursor else None,
        limit=asked.limit + 1,
    )
    return json_answer(page_of(rows, asked.limit, lambda row: (row.created_at, row.id)))


@documented(
    summary="A simulation with its curve and a page of its trades",
    tag="Simulation",
    query=PageQuery,
    responses={200: SimulationDetail},
    errors=(FieldInvalid, NotFound, DatabaseUnavailable),
)
async def show_simulation(request: Request) -> Response:
    resources: Resources = request.state.resources
    user = await authenticate(request, resources.keys)
    asked = parse_query(request, PageQuery)
    cursor = decode_cursor(asked.cursor, _number)
    row = await _own(resources, user, request.path_params["id"], "You have no such simulation.")
    found = await store.trades(
        resources.trading, row["id"], after=cursor[0] if cursor else 0, limit=asked.limit + 1
    )
    shown = found[: asked.limit]
    following = encode_cursor(shown[-1].number) if len(found) > asked.limit else None
    return json_answer(SimulationDetail(**row, trades=shown, next=following))


@documented(
    summary="A report, as JSON or as a page",
    description="`Accept: text/html` answers a page with the equity curve, the drawdown and the trades.",
    tag="Simulation",
    headers={"Accept": "`text/html` for the page, else JSON."},
    responses={200: Answer("The report.", ReportDocument)},
    errors=(NotFound, DatabaseUnavailable),
)
async def show_report(request: Request) -> Response:
    resources: Resources = request.state.resources
    user = await authenticate(request, resources.keys)
    row = await _own(resources, user, request.path_params["id"], "You have no such report.", kind="report")
    if row["state"] != "done":
        raise NotFound(f"This report is {row['state']}.", state=row["state"])
    trades = await store.newest_trades(resources.trading, row["id"], limit=REPORT_TRADES_MAX)
    document = ReportDocument(
        **{
            **row["summary"],
            **{name: row[name] for name in ("id", "kind", "symbol", "timeframe", "created_at")},
        },
        curve=row["curve"] or [],
        trades=trades,
        trades_count=row["trades_count"],
    )
    if "text/html" not in request.headers.get("accept", ""):
        return json_answer(document)
    return Response(
        page_of_report(document, note=resources.market_note),
        headers={"Content-Security-Policy": POLICY, "Vary": "Accept", "Cache-Control": "private, no-store"},
        media_type="text/html",
    )


async def _own(
    resources: Resources, user: User, text: str, message: str, *, kind: str | None = None
) -> dict[str, Any]:
    try:
        row = await store.simulation(resources.trading, user.id, UUID(text))
    except ValueError:
        row = None
    if row is None or (kind is not None and row["kind"] != kind):
        raise NotFound(message)
    return row


def _number(value: Any) -> int:
    """Converter for a trade's number in a cursor, within Postgres' integer."""
    return min(count(value), 2**31 - 1)


routes = [
    Route("/v1/simulation/analyze", analyze, methods=["POST"]),
    Route("/v1/simulation/win-ratio", win_ratio, methods=["POST"]),
    Route("/v1/patterns/validate", validate_pattern, methods=["POST"]),
    Route("/v1/risk/assess", assess_risk, methods=["POST"]),
    Route("/v1/reports/generate", generate_report, methods=["POST"]),
    Route("/v1/reports/{id}", show_report, methods=["GET"]),
    Route("/v1/simulations", list_simulations, methods=["GET"]),
    Route("/v1/simulations/{id}", show_simulation, methods=["GET"]),
]
