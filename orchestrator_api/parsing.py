"""Turns what a client sent into frozen models, and every fault into one named field and rule."""

import json
import math
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import HTTPConnection, Request

from zmarty.errors import BodyMalformed, FieldInvalid, SymbolUnsupported

Model = TypeVar("Model", bound=BaseModel)

STORABLE = "must not hold NUL characters or broken surrogate pairs"


async def parse_body(request: Request, model: type[Model]) -> Model:
    """Read the JSON body. Raises BodyMalformed, FieldInvalid, SymbolUnsupported (and BodyTooLarge while reading)."""
    body = await request.body()
    try:
        # Decoded here, strictly: from bytes, json would guess UTF-16 and let broken surrogates pass.
        document = json.loads(body.decode("utf-8-sig"), parse_constant=_refuse_constant, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise BodyMalformed("The body is not JSON.") from error
    if not isinstance(document, dict):
        raise BodyMalformed("The body must be a JSON object.")
    # Escapes can smuggle in what Postgres takes in no text: NUL and lone surrogates.
    if b"\\u" in body and not is_storable(document):
        raise FieldInvalid("body", STORABLE)
    return parse_fields(document, model)


def parse_query(request: HTTPConnection, model: type[Model]) -> Model:
    """Read the query string. An empty parameter counts as absent."""
    return parse_fields({name: text for name, text in request.query_params.items() if text}, model)


def parse_fields(document: dict[str, Any], model: type[Model]) -> Model:
    """Validate fields. Raises FieldInvalid naming the first field at fault and the rule it breaks."""
    try:
        return model.model_validate(document)
    except ValidationError as error:
        raise _refusal_from(error) from error


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is Python's word, not JSON's")


def _finite(digits: str) -> float:
    number = float(digits)
    # 1e999 is JSON, but nothing behind us can write it again.
    if not math.isfinite(number):
        raise ValueError(f"{digits[:20]} is beyond every number")
    return number


def is_storable(document: dict[str, Any]) -> bool:
    """Whether Postgres and UTF-8 can carry every text in it."""
    text = json.dumps(document, ensure_ascii=False)
    try:
        return "\\u0000" not in text.replace("\\\\", "") and bool(text.encode())
    except UnicodeEncodeError:
        return False


def _refusal_from(error: ValidationError) -> FieldInvalid | SymbolUnsupported:
    first = error.errors(include_url=False, include_input=False)[0]
    cause = first.get("ctx", {}).get("error")
    # The kernel's values refuse as ValueErrors inside pydantic; what they mean stands behind them.
    if isinstance(cause, ValueError) and isinstance(cause.__cause__, SymbolUnsupported):
        return cause.__cause__
    field = ".".join(str(part) for part in first["loc"]) or "body"
    return FieldInvalid(field, str(cause) if cause is not None else first["msg"])
