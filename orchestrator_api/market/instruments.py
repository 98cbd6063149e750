"""Which symbols exist here: the question other features ask the market before they accept one, and the list to choose from."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from orchestrator_api.answers import json_answer
from orchestrator_api.auth.token import authenticate
from orchestrator_api.market import store
from orchestrator_api.openapi import documented
from orchestrator_api.paging import Page, PageQuery, decode_cursor, page_of
from orchestrator_api.parsing import parse_query
from orchestrator_api.resources import Resources
from zmarty.errors import DatabaseUnavailable, FieldInvalid, SymbolUnknown
from zmarty.market import Symbol
from zmarty.postgres import Pool


class InstrumentQuery(PageQuery):
    search: Annotated[
        str,
        Field(
            max_length=25,
            pattern=r"^[A-Za-z0-9]*[/-]?[A-Za-z0-9]*$",
            description="How the symbol begins: `bt`, `BTC`, `BTC-US`.",
        ),
    ] = ""


class Instrument(BaseModel):
    """A symbol that may be watched and asked about."""

    model_config = ConfigDict(frozen=True)

    symbol: Symbol
    base: str
    quote: str


@documented(
    summary="The symbols that are traded here",
    tag="Market",
    query=InstrumentQuery,
    responses={200: Page[Instrument]},
    errors=(FieldInvalid, DatabaseUnavailable),
)
async def list_instruments(request: Request) -> Response:
    resources: Resources = request.state.resources
    await authenticate(request, resources.keys)
    asked = parse_query(request, InstrumentQuery)
    (after,) = decode_cursor(asked.cursor, str) or [""]
    beginning = asked.search.upper().replace("-", "/")
    rows = await store.instruments(resources.trading, beginning, after=after, limit=asked.limit + 1)
    found = [Instrument(**row) for row in rows]
    return json_answer(page_of(found, asked.limit, lambda row: (row.symbol,)))


async def require_known_symbol(trading: Pool, symbol: Symbol) -> None:
    if not await store.is_known_symbol(trading, symbol):
        raise SymbolUnknown(f"{symbol} is not traded here.", symbol=symbol)


routes = [Route("/v1/instruments", list_instruments)]
