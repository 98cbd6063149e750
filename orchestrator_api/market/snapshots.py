"""GET /v1/market/snapshots: what vendors told of the whole market, by source, each with its age. Free of charge."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from orchestrator_api.answers import json_answer
from orchestrator_api.auth.token import authenticate
from orchestrator_api.market import store
from orchestrator_api.market.snapshot_rows import SnapshotQuery, SnapshotRow
from orchestrator_api.openapi import documented
from orchestrator_api.paging import Page, page_of
from orchestrator_api.parsing import parse_query
from orchestrator_api.resources import Resources
from zmarty.errors import DatabaseUnavailable, FieldInvalid


@documented(
    summary="The whole market's readings by source: the newest of each, or the history of one",
    tag="Market",
    query=SnapshotQuery,
    responses={200: Page[SnapshotRow]},
    errors=(FieldInvalid, DatabaseUnavailable),
)
async def list_snapshots(request: Request) -> Response:
    resources: Resources = request.state.resources
    await authenticate(request, resources.keys)
    asked = parse_query(request, SnapshotQuery)
    if asked.source is None:
        if asked.since is not None:
            raise FieldInvalid("since", "needs a source: without one the newest of each is answered")
        newest = await store.newest_snapshots(resources.trading, asked)
        return json_answer(page_of(newest, asked.limit, lambda row: (row.source,)))
    history = await store.snapshots_of(resources.trading, asked.source, asked)
    return json_answer(page_of(history, asked.limit, lambda row: (row.observed_at,)))


routes = [Route("/v1/market/snapshots", list_snapshots)]
