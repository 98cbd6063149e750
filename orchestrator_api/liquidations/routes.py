"""POST /v1/liquidation/clusters for operators' tools; GET …/clusters/{symbol}, …/monitor/{symbol} and /v1/patterns/kingfisher for everybody."""

from datetime import UTC, datetime
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from orchestrator_api.answers import json_answer
from orchestrator_api.auth.token import authenticate
from orchestrator_api.liquidations import store
from orchestrator_api.liquidations.push import (
    PushesWaiting,
    PushUnconfigured,
    SignatureInvalid,
    VisionUnconfigured,
    accept,
    push_from,
    verified_id,
)
from orchestrator_api.liquidations.rows import (
    ClusterMaps,
    ClusterQuery,
    MonitorRow,
    PatternQuery,
    PatternRow,
    PushedMap,
    PushReceipt,
)
from orchestrator_api.market.instruments import require_known_symbol
from orchestrator_api.openapi import Answer, documented
from orchestrator_api.paging import Page, page_of
from orchestrator_api.parsing import parse_body, parse_query
from orchestrator_api.resources import Resources
from zmarty.errors import (
    BodyMalformed,
    DatabaseUnavailable,
    FieldInvalid,
    NotFound,
    SymbolUnknown,
    SymbolUnsupported,
)
from zmarty.market import Symbol

SYMBOL_REFUSALS = (SymbolUnknown, SymbolUnsupported, FieldInvalid, DatabaseUnavailable)


@documented(
    summary="Post a liquidation map",
    description="Clusters, or a PNG or JPEG that a model reads. Signed as a Standard Webhook over the raw body with one of "
    "CLUSTERS_WEBHOOK_SECRETS. The worker holds the prices against the newest close before it keeps them.",
    tag="Liquidations",
    access="public",
    request=PushedMap,
    headers={
        "webhook-id": "Names this map; a replay is answered as a duplicate and counts once.",
        "webhook-timestamp": "When it was sent, in seconds since 1970; at most five minutes ago.",
        "webhook-signature": "`v1,` and the signature in base64.",
    },
    responses={
        200: Answer("It was accepted before, or refused; nothing was done now.", PushReceipt),
        202: Answer("It waits for the worker.", PushReceipt),
    },
    errors=(
        BodyMalformed,
        SignatureInvalid,
        SymbolUnknown,
        SymbolUnsupported,
        FieldInvalid,
        PushesWaiting,
        PushUnconfigured,
        VisionUnconfigured,
        DatabaseUnavailable,
    ),
)
async def post_map(request: Request) -> Response:
    resources: Resources = request.state.resources
    push_id = verified_id(resources.clusters_secrets, request.headers, await request.body())
    push = push_from(push_id, await parse_body(request, PushedMap), now=datetime.now(UTC))
    await require_known_symbol(resources.trading, push.pushed.symbol)
    receipt = await accept(resources, push)
    status = HTTPStatus.ACCEPTED if receipt.result == "accepted" else HTTPStatus.OK
    return json_answer(receipt, status=status)


@documented(
    summary="Liquidation clusters of a symbol: the newest map of each source, and history",
    tag="Liquidations",
    query=ClusterQuery,
    responses={200: ClusterMaps},
    errors=SYMBOL_REFUSALS,
)
async def show_clusters(request: Request) -> Response:
    resources: Resources = request.state.resources
    await authenticate(request, resources.keys)
    symbol = Symbol.parse(request.path_params["symbol"])
    asked = parse_query(request, ClusterQuery)
    rows = await store.clusters(resources.trading, symbol, asked)
    maps = await store.newest_maps(resources.trading, symbol, now=datetime.now(UTC))
    if not maps:
        await require_known_symbol(resources.trading, symbol)
    history = page_of(rows, asked.limit, lambda row: (row.observed_at, row.id))
    return json_answer(ClusterMaps(symbol=symbol, maps=maps, history=history))


@documented(
    summary="How a symbol stands among its liquidation clusters",
    description="Price, nearest clusters, cascade risk, squeeze pattern and liquidation distances, as the worker computed them "
    "with the newest map; every number with its time.",
    tag="Liquidations",
    responses={200: MonitorRow},
    errors=(NotFound, *SYMBOL_REFUSALS),
)
async def show_monitor(request: Request) -> Response:
    resources: Resources = request.state.resources
    await authenticate(request, resources.keys)
    symbol = Symbol.parse(request.path_params["symbol"])
    row = await store.monitor(resources.trading, symbol)
    if row is None:
        await require_known_symbol(resources.trading, symbol)
        raise NotFound(f"No liquidation map of {symbol} is known yet; maps are fetched for watched symbols.")
    return json_answer(row)


@documented(
    summary="How the newest liquidation map of each symbol leans",
    description="Squeezes and pulls by the rule in docs/zmarty-blueprint/41-ORCHESTRATOR-WORKER.md, symbol by symbol.",
    tag="Liquidations",
    query=PatternQuery,
    responses={200: Page[PatternRow]},
    errors=(FieldInvalid, DatabaseUnavailable),
)
async def list_map_patterns(request: Request) -> Response:
    resources: Resources = request.state.resources
    await authenticate(request, resources.keys)
    asked = parse_query(request, PatternQuery)
    rows = await store.patterns(resources.trading, asked)
    return json_answer(page_of(rows, asked.limit, lambda row: (row.symbol,)))


routes = [
    Route("/v1/liquidation/clusters", post_map, methods=["POST"]),
    Route("/v1/liquidation/clusters/{symbol}", show_clusters),
    Route("/v1/liquidation/monitor/{symbol}", show_monitor),
    Route("/v1/patterns/kingfisher", list_map_patterns),
]
