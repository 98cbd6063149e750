"""/livez for the platform, /healthz for people and monitors, /metrics for Prometheus."""

from typing import Literal

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from orchestrator_api.answers import json_answer
from orchestrator_api.health.exposition import CONTENT_TYPE, exposition
from orchestrator_api.health.vitals import Health
from orchestrator_api.openapi import Answer, documented
from orchestrator_api.resources import Resources


class Alive(BaseModel):
    status: Literal["alive"] = "alive"
    commit: str


@documented(
    summary="Is this process alive?",
    description="Asks nothing else: a blink of a database must not take every instance away.",
    tag="Health",
    responses={200: Alive},
    access="public",
)
async def show_life(request: Request) -> Response:
    resources: Resources = request.state.resources
    return json_answer(Alive(commit=resources.commit))


@documented(
    summary="Does the system work?",
    tag="Health",
    responses={
        200: Answer("Healthy, or degraded: `reasons` says what is wrong.", Health),
        503: Answer("A database is down.", Health),
    },
    access="public",
)
async def show_health(request: Request) -> Response:
    resources: Resources = request.state.resources
    health = await resources.checkup.health(resources)
    return json_answer(health, status=503 if health.status == "unavailable" else 200)


@documented(
    summary="Numbers for Prometheus",
    tag="Health",
    responses={200: Answer("Prometheus text format 0.0.4.", media_type="text/plain")},
    access="public",
)
async def show_metrics(request: Request) -> Response:
    resources: Resources = request.state.resources
    health = await resources.checkup.health(resources)
    return Response(exposition(health, resources.traffic), media_type=CONTENT_TYPE)


routes = [
    Route("/livez", show_life),
    Route("/healthz", show_health),
    Route("/metrics", show_metrics),
]
