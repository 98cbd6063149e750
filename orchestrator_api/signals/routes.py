"""GET /v1/signals/{id}: one signal whole. POST /v1/signals: signals made elsewhere, kept and judged by their source."""

import hashlib
from datetime import UTC, datetime
from typing import ClassVar

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from orchestrator_api.answers import json_answer
from orchestrator_api.auth.service_keys import SIGNALS_WRITE, Service, authenticate_service
from orchestrator_api.auth.token import authenticate
from orchestrator_api.auth.user import Forbidden
from orchestrator_api.chat.exchange import IdempotencyKeyReused
from orchestrator_api.market.instruments import require_known_symbol
from orchestrator_api.openapi import documented
from orchestrator_api.parsing import parse_body
from orchestrator_api.resources import Resources
from orchestrator_api.signals import store
from orchestrator_api.signals.relay import EXTERNAL_ID_LENGTH_MAX, RelayedSignal, row_of
from orchestrator_api.signals.rows import RelayAnswer, WholeSignal
from zmarty.errors import (
    BodyMalformed,
    DatabaseUnavailable,
    FieldInvalid,
    NotFound,
    SymbolUnknown,
    SymbolUnsupported,
    ZmartyError,
)


class SignalExists(ZmartyError):
    """A source judges a candle once."""

    status: ClassVar[int] = 409
    code: ClassVar[str] = "signal_exists"


@documented(
    summary="One signal whole",
    description="Components, reasons, outcomes, and the calibration behind its confidence.",
    tag="Signals",
    responses={200: WholeSignal},
    errors=(NotFound, DatabaseUnavailable),
)
async def show_signal(request: Request) -> Response:
    resources: Resources = request.state.resources
    await authenticate(request, resources.keys)
    signal = await store.whole_signal(resources.trading, request.path_params["signal_id"])
    if signal is None:
        raise NotFound("There is no such signal.")
    return json_answer(signal)


_RELAY = documented(
    summary="Hand in a signal that was made elsewhere",
    description=(
        "It keeps its source, is judged like our own under the strategy `relay:<source>`, and has win rates and a calibration of "
        "its own. Safe to repeat under the same `external_id` or `Idempotency-Key`."
    ),
    tag="Signals",
    access="service",
    request=RelayedSignal,
    headers={"Idempotency-Key": "Names this signal at its source, where the body has no external_id."},
    responses={201: RelayAnswer, 200: RelayAnswer},
    errors=(
        BodyMalformed,
        FieldInvalid,
        SymbolUnsupported,
        SymbolUnknown,
        IdempotencyKeyReused,
        SignalExists,
        DatabaseUnavailable,
    ),
)


@_RELAY
async def relay_signal(request: Request) -> Response:
    resources: Resources = request.state.resources
    service = await authenticate_service(request, resources.trading, scope=SIGNALS_WRITE)
    relayed = await parse_body(request, RelayedSignal)
    source, external_id = _source(relayed, service), _external_id(relayed, request)
    digest = hashlib.sha256(await request.body()).digest()
    if known := await store.find_relayed(resources.trading, source, external_id):
        return _answer_known(known, digest)

    await require_known_symbol(resources.trading, relayed.symbol)
    close = await store.last_close(resources.trading, relayed.symbol, relayed.timeframe)
    if close is None:
        raise FieldInvalid(
            "symbol",
            f"not enough data: have 0, need 1 candle of {relayed.symbol} {relayed.timeframe} to judge it by",
        )
    row = row_of(relayed, source=source, external_id=external_id, last_close=close, now=datetime.now(UTC))
    kept = await store.save_relayed(resources.trading, row, digest)
    if kept is None:
        # Somebody was faster: with the same signal, or with another one of this candle.
        if known := await store.find_relayed(resources.trading, source, external_id):
            return _answer_known(known, digest)
        raise SignalExists(
            f"{source} has judged this candle already.", opened_at=row["opened_at"].isoformat()
        )
    return json_answer(_answer(kept, is_new=True), status=201)


@_RELAY
async def relay_signal_by_its_old_name(request: Request) -> Response:
    return await relay_signal(request)


def _source(relayed: RelayedSignal, service: Service) -> str:
    if service.source is not None and relayed.source not in (None, service.source):
        raise Forbidden(f"This service key speaks for {service.source} alone.", source=service.source)
    source = relayed.source or service.source
    if source is None:
        raise FieldInvalid("source", "is needed: this service key speaks for several")
    return source


def _external_id(relayed: RelayedSignal, request: Request) -> str:
    external_id = relayed.external_id or request.headers.get("idempotency-key", "").strip()
    if not external_id:
        raise FieldInvalid("external_id", "is needed, or the header Idempotency-Key")
    if len(external_id) > EXTERNAL_ID_LENGTH_MAX or not external_id.isprintable():
        raise FieldInvalid("external_id", f"must have at most {EXTERNAL_ID_LENGTH_MAX} printable characters")
    return external_id


def _answer_known(known: store.Kept, digest: bytes) -> Response:
    if known.request_sha256 != digest:
        raise IdempotencyKeyReused(
            "This external_id or Idempotency-Key belongs to another signal; use a new one."
        )
    return json_answer(_answer(known, is_new=False))


def _answer(kept: store.Kept, *, is_new: bool) -> RelayAnswer:
    return RelayAnswer(
        id=kept.id,
        strategy_version=kept.strategy_version,
        opened_at=kept.opened_at,
        origin=kept.origin,
        is_new=is_new,
    )


routes = [
    Route("/v1/signals", relay_signal, methods=["POST"]),
    Route("/v1/signals/relay", relay_signal_by_its_old_name, methods=["POST"]),
    # Before the market's /v1/signals/{symbol}: a uuid is an id, and no symbol is as long.
    Route("/v1/signals/{signal_id:uuid}", show_signal, methods=["GET"]),
]
