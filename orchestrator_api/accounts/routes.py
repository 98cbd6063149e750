"""/v1/symbols and /v1/user/profile: the watch list and the profile of the signed-in user."""

from collections.abc import Sequence

import asyncpg
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from orchestrator_api.accounts import store
from orchestrator_api.accounts.profile import Profile, ProfileRequest
from orchestrator_api.accounts.watching import Mirror, WatchedSymbol, WatchRequest
from orchestrator_api.answers import json_answer
from orchestrator_api.auth.rls import as_user
from orchestrator_api.auth.token import authenticate
from orchestrator_api.auth.user import Forbidden, User
from orchestrator_api.market.instruments import require_known_symbol
from orchestrator_api.openapi import Answer, documented
from orchestrator_api.paging import Page, PageQuery, decode_cursor, page_of
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
from zmarty.market import Symbol, Timeframe
from zmarty.postgres import Connection

# Raised by the trigger on user_symbols, which holds for clients that write directly too.
SYMBOLS_EXHAUSTED_STATE = "ZM001"


@documented(
    summary="The symbols you watch, and how far the mirror has carried them",
    tag="Symbols",
    query=PageQuery,
    responses={200: Page[WatchedSymbol]},
    errors=(FieldInvalid, DatabaseUnavailable),
)
async def list_symbols(request: Request) -> Response:
    resources: Resources = request.state.resources
    user = await authenticate(request, resources.keys)
    asked = parse_query(request, PageQuery)
    after = decode_cursor(asked.cursor, str, str) or ["", ""]
    async with as_user(resources.chat, user) as connection:
        rows = await store.watched_symbols(connection, after=after, limit=asked.limit + 1)
    watched = await _with_mirror(resources, user, rows)
    return json_answer(page_of(watched, asked.limit, lambda row: (row.symbol, row.timeframe)))


@documented(
    summary="Watch a symbol",
    description="Safe to repeat. The pair's history is loaded and judged at once when nobody watched it before.",
    tag="Symbols",
    request=WatchRequest,
    responses={
        200: Answer("You watched it already; `strategy` is as you sent it.", WatchedSymbol),
        201: Answer("Watched from now on.", WatchedSymbol),
    },
    errors=(
        BodyMalformed,
        FieldInvalid,
        SymbolUnsupported,
        SymbolUnknown,
        Forbidden,
        DatabaseUnavailable,
    ),
)
async def watch_symbol(request: Request) -> Response:
    resources: Resources = request.state.resources
    user = await authenticate(request, resources.keys)
    asked = await parse_body(request, WatchRequest)
    await require_known_symbol(resources.trading, asked.symbol)
    row = await _watch(resources, user, asked)
    (watched,) = await _with_mirror(resources, user, [row])
    return json_answer(watched, status=201 if row["is_new"] else 200)


@documented(
    summary="Stop watching a symbol",
    tag="Symbols",
    responses={204: Answer("No longer watched.", media_type="")},
    errors=(NotFound, SymbolUnsupported, FieldInvalid, DatabaseUnavailable),
)
async def unwatch_symbol(request: Request) -> Response:
    resources: Resources = request.state.resources
    user = await authenticate(request, resources.keys)
    symbol = Symbol.parse(request.path_params["symbol"])
    timeframe = Timeframe.parse(request.path_params["timeframe"])
    async with as_user(resources.chat, user) as connection:
        if not await store.unwatch_symbol(connection, user.id, symbol, timeframe):
            raise NotFound(f"You do not watch {symbol} {timeframe}.", symbol=symbol, timeframe=timeframe)
    return Response(status_code=204)


@documented(
    summary="Your profile",
    tag="Profile",
    responses={200: Profile},
    errors=(Forbidden, DatabaseUnavailable),
)
async def get_profile(request: Request) -> Response:
    resources: Resources = request.state.resources
    user = await authenticate(request, resources.keys)
    async with as_user(resources.chat, user) as connection:
        profile = await _require_profile(connection, user)
    return json_answer(profile)


@documented(
    summary="Change your profile",
    description="Fields that are absent stay as they are; null empties a field that may be empty.",
    tag="Profile",
    request=ProfileRequest,
    responses={200: Profile},
    errors=(BodyMalformed, FieldInvalid, SymbolUnsupported, Forbidden, DatabaseUnavailable),
)
async def change_profile(request: Request) -> Response:
    resources: Resources = request.state.resources
    user = await authenticate(request, resources.keys)
    asked = await parse_body(request, ProfileRequest)
    async with as_user(resources.chat, user) as connection:
        await store.change_profile(connection, user.id, asked)
        profile = await _require_profile(connection, user)
    return json_answer(profile)


async def _require_profile(connection: Connection, user: User) -> Profile:
    profile = await store.profile_of(connection, user.id)
    if profile is None:
        raise Forbidden("This account no longer exists.")
    return profile


async def _watch(resources: Resources, user: User, asked: WatchRequest) -> asyncpg.Record:
    try:
        async with as_user(resources.chat, user) as connection:
            row = await store.watch_symbol(connection, user.id, asked)
            # Nothing came back when another request inserted the pair meanwhile; a second look sees it.
            row = row or await store.watch_symbol(connection, user.id, asked)
    except asyncpg.ForeignKeyViolationError as error:
        raise Forbidden("This account no longer exists.") from error
    except asyncpg.CheckViolationError as error:
        raise FieldInvalid("strategy", "must not be larger than 4 KB") from error
    except asyncpg.PostgresError as error:
        if error.sqlstate != SYMBOLS_EXHAUSTED_STATE:
            raise
        raise Forbidden(_sentence(error), rule="symbols_max") from error
    assert row is not None, "the pair exists after it was inserted"
    return row


def _sentence(error: asyncpg.PostgresError) -> str:
    said = str(error.args[0]).removeprefix("symbol: ")
    return f"{said[:1].upper()}{said[1:]}. Stop watching one, or choose a larger plan."


async def _with_mirror(
    resources: Resources, user: User, rows: Sequence[asyncpg.Record]
) -> list[WatchedSymbol]:
    mirrors = await store.mirror_states(resources.chat, user.id, rows)
    long_ago = Mirror(state="mirrored", mirrored_at=None)
    return [
        WatchedSymbol(
            symbol=row["symbol"],
            timeframe=row["timeframe"],
            strategy=row["strategy"],
            active=row["active"],
            created_at=row["created_at"],
            updated_at=row["updated_at"],
            mirror=mirrors.get((row["symbol"], row["timeframe"]), long_ago),
        )
        for row in rows
    ]


routes = [
    Route("/v1/user/profile", get_profile, methods=["GET"]),
    Route("/v1/user/profile", change_profile, methods=["PUT"]),
    Route("/v1/symbols", list_symbols, methods=["GET"]),
    Route("/v1/symbols", watch_symbol, methods=["PUT"]),
    Route("/v1/symbols/{symbol}/{timeframe}", unwatch_symbol, methods=["DELETE"]),
]
