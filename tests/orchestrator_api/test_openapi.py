"""The documentation covers every route, is valid, and is true."""

from typing import Any

import httpx2
import pytest
from jsonschema import Draft202012Validator
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from orchestrator_api.app import ROUTES
from orchestrator_api.openapi import document_of, documentation_of
from tests.orchestrator_api.support import AuthServer, bearer


@pytest.fixture
def document() -> dict[str, Any]:
    return document_of(ROUTES, version="test", server_url="http://api.test")


def test_every_route_is_documented() -> None:
    undocumented = [
        route.path for route in ROUTES if isinstance(route, Route) and not documentation_of(route)
    ]

    assert not undocumented
    assert all(isinstance(route, Route) for route in ROUTES), (
        "mounts and sockets need documentation of their own"
    )


def test_an_undocumented_route_is_named() -> None:
    async def forgotten(request: Request) -> Response:
        return Response()

    with pytest.raises(LookupError, match="/forgotten"):
        document_of([Route("/forgotten", forgotten)], version="test", server_url="")


def test_each_route_has_one_method_and_its_own_name() -> None:
    operations = [
        (route, (route.methods or set()) - {"HEAD"}) for route in ROUTES if isinstance(route, Route)
    ]

    assert all(len(methods) == 1 for _, methods in operations)
    assert len({route.name for route, _ in operations}) == len(operations)


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]

    def references(node: Any) -> list[str]:
        if isinstance(node, dict):
            own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
            return own + [found for part in node.values() for found in references(part)]
        return [found for part in node for found in references(part)] if isinstance(node, list) else []

    found = references(document)
    assert found
    assert {reference.removeprefix("#/components/schemas/") for reference in found} <= set(schemas)


def test_every_schema_is_valid_json_schema(document: dict[str, Any]) -> None:
    for schema in document["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)
    for path, operations in document["paths"].items():
        for operation in operations.values():
            named = {parameter["name"] for parameter in operation["parameters"] if parameter["in"] == "path"}
            assert named == {part.split("}")[0] for part in path.split("{")[1:]}
            for parameter in operation["parameters"]:
                Draft202012Validator.check_schema(parameter["schema"])
                assert "$ref" not in str(parameter)
            assert operation["responses"]


# Callers of these are known by a signature over the body.
SIGNED = {"/v1/liquidation/clusters"}


def test_what_needs_a_token_says_so(document: dict[str, Any]) -> None:
    for path, operations in document["paths"].items():
        for operation in operations.values():
            is_open = not path.startswith("/v1/") and path not in ("/chat", "/mcp")
            assert ("security" in operation) != (is_open or path in SIGNED), path
            assert ("401" in operation["responses"]) != is_open, path


async def test_answers_have_the_documented_shape(
    api: httpx2.AsyncClient, auth: AuthServer, document: dict[str, Any]
) -> None:
    served = (await api.get("/openapi.json")).json()
    assert served["paths"].keys() == document["paths"].keys()
    operator = bearer(auth.operator_token())
    for path in (
        "/livez",
        "/healthz",
        "/config.json",
        "/v1/symbols",
        "/v1/candles/BTC-USDT",
        "/v1/admin/queues",
    ):
        answer = await api.get(path, headers=operator)
        template = path.replace("BTC-USDT", "{symbol}")
        response = document["paths"][template]["get"]["responses"][str(answer.status_code)]
        schema = {**response["content"]["application/json"]["schema"], "components": document["components"]}
        Draft202012Validator(schema).validate(answer.json())


async def test_documented_errors_have_the_documented_shape(
    api: httpx2.AsyncClient, document: dict[str, Any]
) -> None:
    answer = await api.get("/v1/symbols")
    response = document["paths"]["/v1/symbols"]["get"]["responses"]["401"]

    assert answer.json()["error"] in response["description"]
    schema = {**response["content"]["application/json"]["schema"], "components": document["components"]}
    Draft202012Validator(schema).validate(answer.json())
