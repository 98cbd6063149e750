"""Turns what a client sent into frozen models, and every fault into one named field and rule."""

import json
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import HTTPConnection, Request

from zmarty.errors import BodyMalformed, FieldInvalid, SymbolUnsupported

Model = TypeVar("Model", bound=BaseModel)


async def parse_body(request: Request, model: type[Model]) -> Model:
    """Read the JSON body. Raises BodyMalformed, FieldInvalid, SymbolUnsupported (and BodyTooLarge while reading)."""
    body = await request.body()
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BodyMalformed("The body is not JSON.") from error
    if not isinstance(document, dict):
        raise BodyMalformed("The body must be a JSON object.")
    # Escapes can smuggle in what Postgres takes in no text: NUL and lone surrogates.
    if b"\\u" in body and not _is_storable(document):
        raise FieldInvalid("body", "must not hold NUL characters or broken surrogate pairs")
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


def _is_storable(document: dict[str, Any]) -> bool:
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
