"""All simulated vendors in one application, each behind its prefix and its gate."""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route, Router

from local_stack.simulators import anthropic, cryptometer, elevenlabs, exchange, futures, kingfisher, openai
from local_stack.simulators.control import Controls, Faults, Gate, Limit, Vendor
from local_stack.simulators.market import Market, instant
from local_stack.simulators.xai_search import Responses

XAI_MODELS = ("grok-4.7",)
OPENAI_MODELS = ("gpt-6.1-sol", "gpt-6.1-terra", "gpt-6-luna")
# The vendor allows one request a second; the burst lets a first ingest through, as its own bucket does.
CRYPTOMETER_LIMIT = Limit(per_second=1.0, burst=30.0)


def create_app(market: Market) -> Starlette:
    xai = openai.ChatCompletions(owner="xai", models=XAI_MODELS, refusal=openai.refuse_as_xai)
    gpt = openai.ChatCompletions(owner="openai", models=OPENAI_MODELS, refusal=openai.refuse_as_openai)
    limited = Faults(limit=CRYPTOMETER_LIMIT)
    built: list[tuple[Vendor, Router]] = [
        (Vendor("cryptometer", cryptometer.refusal, normal=limited), cryptometer.Cryptometer(market).router),
        (Vendor("exchange", exchange.refusal), exchange.Exchange(market).router),
        (Vendor("futures", futures.refusal), futures.Futures(market).router),
        (Vendor("kingfisher", kingfisher.refusal), kingfisher.KingFisher(market).router),
        (
            Vendor("xai", openai.refuse_as_xai, records_bodies=True),
            Router([*xai.router.routes, Responses(XAI_MODELS).route]),
        ),
        (Vendor("openai", openai.refuse_as_openai, records_bodies=True), gpt.router),
        (Vendor("anthropic", anthropic.refusal, records_bodies=True), anthropic.Messages().router),
        (Vendor("elevenlabs", elevenlabs.refusal, records_bodies=True), elevenlabs.Speech().router),
    ]
    vendors = {vendor.name: vendor for vendor, _ in built}
    controls = Controls(vendors)

    async def health(request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def status(request: Request) -> Response:
        return JSONResponse(
            {
                "market": market.status(),
                "now": instant(market.clock()),
                "vendors": {name: {"requests": len(vendor.requests)} for name, vendor in vendors.items()},
            }
        )

    changing = ["GET", "POST", "DELETE"]
    return Starlette(
        routes=[
            Route("/_health", health),
            Route("/_status", status),
            Route("/_requests", controls.recent_requests, methods=["GET", "DELETE"]),
            Route("/_control", controls.all, methods=changing),
            Route("/{vendor}/_control", controls.one, methods=changing),
            *(Mount(f"/{vendor.name}", Gate(router, vendor)) for vendor, router in built),
        ]
    )
