"""GET /v1/calibration: Brier score, reliability and drift of confidences, free of charge."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from orchestrator_api.answers import json_answer
from orchestrator_api.auth.token import authenticate
from orchestrator_api.calibration import store
from orchestrator_api.calibration.rows import CalibrationQuery, CalibrationRow
from orchestrator_api.openapi import documented
from orchestrator_api.paging import Page, page_of
from orchestrator_api.parsing import parse_query
from orchestrator_api.resources import Resources
from zmarty.errors import DatabaseUnavailable, FieldInvalid, SymbolUnsupported


@documented(
    summary="How well the confidences of signals were kept",
    tag="Signals",
    query=CalibrationQuery,
    responses={200: Page[CalibrationRow]},
    errors=(FieldInvalid, SymbolUnsupported, DatabaseUnavailable),
)
async def list_calibrations(request: Request) -> Response:
    resources: Resources = request.state.resources
    await authenticate(request, resources.keys)
    asked = parse_query(request, CalibrationQuery)
    rows = await store.calibrations(resources.trading, asked)
    return json_answer(
        page_of(
            rows, asked.limit, lambda row: (row.symbol, row.timeframe, row.strategy_version, row.direction)
        )
    )


routes = [Route("/v1/calibration", list_calibrations, methods=["GET"])]
