"""Routes document themselves with `@documented`; this turns them and their pydantic models into OpenAPI 3.1."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Literal, TypeAlias, TypeVar

from pydantic import BaseModel, Field
from pydantic.json_schema import models_json_schema
from starlette.routing import BaseRoute, Route

from zmarty.errors import ZmartyError
from zmarty.market import Timeframe

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])
Audience: TypeAlias = Literal["public", "user", "operator", "service"]
JSON = "application/json"

DESCRIPTION = """\
Signals with a provable track record, and a chat that charges fairly.

Sign in at the auth server named by `/config.json` and send the access token as `Authorization: Bearer …`.
Symbols are `BTC/USDT` in JSON and `BTC-USDT` in URLs. Prices are JSON numbers, times are ISO 8601 in UTC, credits are
whole numbers. Lists come in pages: pass `next` of one page as `cursor` of the following request.
Every refusal has the shape `{"error", "message", "details", "request_id"}`.
"""

PATH_PARAMETERS: Mapping[str, Mapping[str, Any]] = {
    "symbol": {
        "description": "A spot pair as it stands in URLs: `BTC-USDT`, `BTCUSDT` or `BTC` (quoted in USDT).",
        "schema": {"type": "string", "maxLength": 20, "examples": ["BTC-USDT"]},
    },
    "address": {
        "description": "An address of the web app.",
        "schema": {"type": "string", "examples": ["chat", "markets/BTC-USDT/1h"]},
    },
    "signal_id": {
        "description": "The id of a signal.",
        "schema": {"type": "string", "format": "uuid"},
    },
    "model": {
        "description": "A model by its id, a family, or `auto`.",
        "schema": {"type": "string", "maxLength": 200, "examples": ["auto"]},
    },
    "month": {
        "description": "A month in UTC.",
        "schema": {"type": "string", "pattern": r"^\d{4}-\d{2}$", "examples": ["2026-11"]},
    },
    "queue": {
        "description": "A job queue.",
        "schema": {"type": "string", "maxLength": 64, "examples": ["compute_signals"]},
    },
    "timeframe": {
        "description": "How long one candle lasts.",
        "schema": {"type": "string", "enum": [str(timeframe) for timeframe in Timeframe]},
    },
}


class ErrorAnswer(BaseModel):
    """Every refusal has this shape. `error` is stable; `message` is for people."""

    error: str = Field(description="A stable code.")
    message: str = Field(description="What happened and what to do next.")
    details: dict[str, Any] = Field(description="Names of fields and numbers, depending on the code.")
    request_id: str = Field(description="Quote it to support; it is also in the header X-Request-ID.")


@dataclass(frozen=True, slots=True)
class Answer:
    """One possible answer of a route, when a bare JSON model does not say it all."""

    description: str
    model: type[BaseModel] | None = None
    media_type: str = JSON


@dataclass(frozen=True, slots=True)
class Documentation:
    summary: str
    tag: str
    description: str
    access: Audience
    request: type[BaseModel] | None
    query: type[BaseModel] | None
    headers: Mapping[str, str]
    responses: Mapping[int, type[BaseModel] | Answer]
    errors: tuple[type[ZmartyError], ...] = field(default=())

    def answered(self) -> list[type[BaseModel]]:
        """The models of what the route answers."""
        models = (given.model if isinstance(given, Answer) else given for given in self.responses.values())
        return [model for model in models if model is not None]


def documented(
    *,
    summary: str,
    tag: str,
    responses: Mapping[int, type[BaseModel] | Answer],
    errors: Sequence[type[ZmartyError]] = (),
    request: type[BaseModel] | None = None,
    query: type[BaseModel] | None = None,
    headers: Mapping[str, str] | None = None,
    access: Audience = "user",
    description: str = "",
) -> Callable[[Endpoint], Endpoint]:
    """Attach documentation to an endpoint that serves one method of one path.

    Who may call (`access`) adds the errors of signing in; 500 is everywhere. `headers` are request headers by name.
    """

    def attach(endpoint: Endpoint) -> Endpoint:
        documentation = Documentation(
            summary, tag, description, access, request, query, headers or {}, responses, tuple(errors)
        )
        setattr(endpoint, "documentation", documentation)  # noqa: B010 — a plain assignment is a type error on callables
        return endpoint

    return attach


def documentation_of(route: BaseRoute) -> Documentation | None:
    found = getattr(getattr(route, "endpoint", None), "documentation", None)
    return found if isinstance(found, Documentation) else None


def document_of(routes: Iterable[BaseRoute], *, version: str, server_url: str) -> dict[str, Any]:
    """The OpenAPI 3.1 document of these routes. Raises LookupError naming an undocumented one."""
    described = [(route, _required_documentation(route)) for route in routes if isinstance(route, Route)]
    references, schemas = _schemas(documentation for _, documentation in described)
    paths: dict[str, dict[str, Any]] = {}
    for route, documentation in described:
        for method in sorted((route.methods or set()) - {"HEAD"}):
            operation = _operation(route, documentation, references)
            paths.setdefault(route.path_format, {})[method.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Zmarty",
            "version": version,
            "description": DESCRIPTION,
        },
        "servers": [{"url": server_url}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": "The access token of the auth server (see /config.json).",
                },
                "service_key": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "zsk_…",
                    "description": "A service key that an operator made (`zmarty service-key create`).",
                },
            },
        },
    }


def _required_documentation(route: Route) -> Documentation:
    documentation = documentation_of(route)
    if documentation is None:
        raise LookupError(f"{route.path} is not documented: its endpoint lacks @documented")
    return documentation


def _schemas(
    documentations: Iterable[Documentation],
) -> tuple[dict[type[BaseModel], Any], dict[str, Any]]:
    """A reference to each model that travels, and the schemas that they refer to."""
    modes: dict[type[BaseModel], Literal["validation", "serialization"]] = {ErrorAnswer: "serialization"}
    for documentation in documentations:
        modes.update(dict.fromkeys(documentation.answered(), "serialization"))
        if documentation.request is not None:
            modes[documentation.request] = "validation"
    names, definitions = models_json_schema(list(modes.items()), ref_template="#/components/schemas/{model}")
    return {model: names[model, mode] for model, mode in modes.items()}, definitions.get("$defs", {})


def _operation(
    route: Route, documentation: Documentation, references: Mapping[type[BaseModel], Any]
) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": route.name,
        "summary": documentation.summary,
        "tags": [documentation.tag],
        "parameters": list(_parameters(route, documentation)),
        "responses": {
            **{
                str(status): _response(answer, references)
                for status, answer in documentation.responses.items()
            },
            **_error_responses(documentation, references[ErrorAnswer]),
        },
    }
    if documentation.description:
        operation["description"] = documentation.description
    if documentation.request is not None:
        content = {JSON: {"schema": references[documentation.request]}}
        operation["requestBody"] = {"required": True, "content": content}
    if documentation.access == "service":
        operation["security"] = [{"service_key": []}]
    elif documentation.access != "public":
        operation["security"] = [{"token": []}]
    return operation


def _parameters(route: Route, documentation: Documentation) -> Iterable[dict[str, Any]]:
    for name in route.param_convertors:
        known = PATH_PARAMETERS.get(name, {"schema": {"type": "string"}})
        yield {"name": name, "in": "path", "required": True, **known}
    for name, description in documentation.headers.items():
        yield {"name": name, "in": "header", "description": description, "schema": {"type": "string"}}
    if documentation.query is not None:
        schema = documentation.query.model_json_schema()
        for name, field_schema in schema["properties"].items():
            inlined = _inlined(field_schema, schema.get("$defs", {}))
            description = inlined.pop("description", "")
            required = name in schema.get("required", ())
            yield {
                "name": name,
                "in": "query",
                "required": required,
                "description": description,
                "schema": inlined,
            }


def _inlined(schema: Any, definitions: Mapping[str, Any]) -> Any:
    """A parameter's schema stands alone: references to the model's own definitions are replaced by them."""
    if isinstance(schema, list):
        return [_inlined(part, definitions) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _inlined(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    return {key: _inlined(part, definitions) for key, part in schema.items()}


def _response(given: type[BaseModel] | Answer, references: Mapping[type[BaseModel], Any]) -> dict[str, Any]:
    answer = given if isinstance(given, Answer) else Answer("Done.", given)
    response: dict[str, Any] = {"description": answer.description}
    if answer.media_type:
        schema = references[answer.model] if answer.model is not None else {"type": "string"}
        response["content"] = {answer.media_type: {"schema": schema}}
    return response


def _error_responses(documentation: Documentation, reference: Any) -> dict[str, Any]:
    by_status: dict[int, list[str]] = {500: ["internal_error"]}
    if documentation.access == "service":
        by_status[401] = ["token_missing", "token_invalid", "service_key_required"]
        by_status[403] = ["forbidden"]
    elif documentation.access != "public":
        by_status[401] = ["token_missing", "token_invalid", "token_expired"]
        by_status[503] = ["auth_unavailable"]
    if documentation.access == "operator":
        by_status[403] = ["operator_required"]
    for error in documentation.errors:
        codes = by_status.setdefault(error.status, [])
        if error.code not in codes:
            codes.append(error.code)
    content = {JSON: {"schema": reference}}
    return {
        str(status): {
            "description": f"{HTTPStatus(status).phrase}: {', '.join(f'`{code}`' for code in codes)}",
            "content": content,
        }
        for status, codes in sorted(by_status.items())
        # A route that answers this status itself has described it.
        if status not in documentation.responses
    }
