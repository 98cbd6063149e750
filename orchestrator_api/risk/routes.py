"""GET /v1/risk/{symbol}: how high a symbol stands in its own history, free of charge."""

from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from orchestrator_api.answers import json_answer
from orchestrator_api.auth.token import authenticate
from orchestrator_api.jobs.asking import NotEnoughData
from orchestrator_api.market.instruments import require_known_symbol
from orchestrator_api.openapi import documented
from orchestrator_api.paging import page_of
from orchestrator_api.parsing import parse_query
from orchestrator_api.resources import Resources
from orchestrator_api.risk import store
from orchestrator_api.risk.rows import CLOSES_NEEDED, RiskAnswer, RiskQuery
from zmarty.errors import DatabaseUnavailable, FieldInvalid, NotFound, SymbolUnknown, SymbolUnsupported
from zmarty.market import Symbol


@documented(
    summary="Risk of a symbol, 0 to 1, with its band, rarity and history",
    description="Each day as it was known at its close. `source` says whether an operator's curve, the symbol's own trend or a "
    "percentile of its history speaks.",
    tag="Market",
    query=RiskQuery,
    responses={200: RiskAnswer},
    errors=(SymbolUnknown, NotFound, SymbolUnsupported, FieldInvalid, NotEnoughData, DatabaseUnavailable),
)
async def show_risk(request: Request) -> Response:
    resources: Resources = request.state.resources
    await authenticate(request, resources.keys)
    symbol = Symbol.parse(request.path_params["symbol"])
    asked = parse_query(request, RiskQuery)
    newest = await store.newest_day(resources.trading, symbol)
    if newest is None:
        await require_known_symbol(resources.trading, symbol)
        have = await store.count_closes(resources.trading, symbol)
        if have < CLOSES_NEEDED:
            raise NotEnoughData(
                f"Not enough data: have {have}, need {CLOSES_NEEDED} daily closes of {symbol}.",
                have=have,
                need=CLOSES_NEEDED,
            )
        raise NotFound(f"The risk of {symbol} is not computed yet; it is for watched symbols, once a day.")
    rows = await store.days(resources.trading, symbol, asked)
    answer = RiskAnswer(
        **newest.model_dump(exclude={"band_range"}),
        symbol=symbol,
        age_seconds=(datetime.now(UTC) - newest.known_at).total_seconds(),
        history=page_of(rows, asked.limit, lambda row: (row.observed_on, row.source)),
    )
    return json_answer(answer)


routes = [Route("/v1/risk/{symbol}", show_risk)]
