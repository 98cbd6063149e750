"""Puts the API together: every route, what surrounds them, what the process holds open. The only place that knows all features."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx
from starlette.applications import Starlette
from starlette.routing import BaseRoute

from orchestrator_api.accounts.routes import routes as accounts_routes
from orchestrator_api.admin.actions import routes as admin_action_routes
from orchestrator_api.admin.credits import routes as admin_credits_routes
from orchestrator_api.admin.routes import routes as admin_routes
from orchestrator_api.agents.routes import routes as agents_routes
from orchestrator_api.analyses.routes import routes as analyses_routes
from orchestrator_api.auth.keys import KeyCache
from orchestrator_api.background import Background
from orchestrator_api.calibration.routes import routes as calibration_routes
from orchestrator_api.chat.recording import Recorder
from orchestrator_api.chat.routes import routes as chat_routes
from orchestrator_api.conversations.routes import routes as conversations_routes
from orchestrator_api.credits.routes import routes as credits_routes
from orchestrator_api.error_handlers import HANDLERS
from orchestrator_api.events.live import CHANNEL, Live
from orchestrator_api.events.polls import poll_forever
from orchestrator_api.events.routes import routes as events_routes
from orchestrator_api.health.checkup import Checkup
from orchestrator_api.health.probes import Probes
from orchestrator_api.health.routes import routes as health_routes
from orchestrator_api.health.traffic import Traffic
from orchestrator_api.intelligence.routes import routes as intelligence_routes
from orchestrator_api.jobs.routes import routes as jobs_routes
from orchestrator_api.jobs.waiting import Waiting
from orchestrator_api.limits.calls import CallLimits
from orchestrator_api.liquidations.routes import routes as liquidation_routes
from orchestrator_api.market.instruments import routes as instruments_routes
from orchestrator_api.market.routes import routes as market_routes
from orchestrator_api.market.snapshots import routes as snapshots_routes
from orchestrator_api.middleware import surroundings
from orchestrator_api.model_router.router import open_router
from orchestrator_api.orchestration.routes import routes as orchestration_routes
from orchestrator_api.pages.routes import routes as pages_routes
from orchestrator_api.resources import PublicConfig, Resources
from orchestrator_api.risk.routes import routes as risk_routes
from orchestrator_api.scaling.routes import routes as scaling_routes
from orchestrator_api.settings import Settings
from orchestrator_api.signals.routes import routes as signals_routes
from orchestrator_api.simulation.routes import routes as simulation_routes
from orchestrator_api.voice.bucket import Bucket, FolderBucket, SupabaseBucket
from orchestrator_api.voice.routes import routes as voice_routes
from orchestrator_api.voice.voice import open_voice
from orchestrator_api.web_app.routes import routes as web_app_routes
from zmarty.postgres import CHAT_PATIENCE, TRADING_PATIENCE, Listener, Patience, Pool, open_pool

POOL_CLOSE_SECONDS = 5.0

ROUTES: tuple[BaseRoute, ...] = (
    *chat_routes,
    *conversations_routes,
    *agents_routes,
    *analyses_routes,
    *credits_routes,
    *accounts_routes,
    *signals_routes,
    *market_routes,
    *calibration_routes,
    *snapshots_routes,
    *instruments_routes,
    *liquidation_routes,
    *risk_routes,
    *simulation_routes,
    *scaling_routes,
    *intelligence_routes,
    *jobs_routes,
    *events_routes,
    *orchestration_routes,
    *health_routes,
    *admin_routes,
    *admin_action_routes,
    *admin_credits_routes,
    *pages_routes,
    *voice_routes,
    *web_app_routes,
)


def create_app(
    open_resources: Callable[[], AbstractAsyncContextManager[Resources]],
    *,
    allowed_origins: tuple[str, ...] = (),
) -> Starlette:
    """The ASGI application. It opens its resources when the server starts it and closes them when the server ends."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[Mapping[str, Resources]]:
        async with open_resources() as resources:
            yield {"resources": resources}

    app = Starlette(
        routes=ROUTES,
        middleware=surroundings(allowed_origins),
        exception_handlers=HANDLERS,
        lifespan=lifespan,
    )
    # A slash too many is a mistake to name, not one to hide behind a redirect.
    app.router.redirect_slashes = False
    return app


@asynccontextmanager
async def open_resources(settings: Settings) -> AsyncIterator[Resources]:
    """Open everything the API holds. A database or vendor that is away does not stop the start: /healthz tells of it."""
    vendors = settings.providers()
    secret = settings.chat_jwt_secret
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(httpx.AsyncClient())
        background = Background()
        trading_dsn = settings.trading_database_url.get_secret_value()
        trading = await _open_pool(stack, trading_dsn, settings.trading_pool_size, TRADING_PATIENCE)
        chat_dsn = settings.chat_database_url.get_secret_value()
        chat = await _open_pool(stack, chat_dsn, settings.chat_pool_size, CHAT_PATIENCE)
        voice = await stack.enter_async_context(
            open_voice(
                vendors["elevenlabs"],
                bucket_of(settings, client),
                voice_id=settings.elevenlabs_voice_id,
                link_secret=settings.voice_link_secret.get_secret_value()
                if settings.voice_link_secret
                else "",
            )
        )
        resources = Resources(
            chat=chat,
            trading=trading,
            keys=KeyCache(
                supabase_url=settings.chat_supabase_url,
                client=client,
                jwt_secret=secret.get_secret_value() if secret is not None else None,
            ),
            http=client,
            router=await stack.enter_async_context(
                open_router(vendors, catalog=settings.catalog, hedge_seconds=settings.hedge_seconds)
            ),
            background=background,
            recorder=Recorder(chat, background),
            live=Live(trading),
            waiting=Waiting(),
            probes=Probes(vendors, client),
            checkup=Checkup(),
            traffic=Traffic(),
            limits=CallLimits(factor=settings.call_limits_factor, trusted_hops=settings.trusted_proxy_hops),
            public=PublicConfig(
                supabase_url=settings.chat_supabase_url,
                publishable_key=settings.chat_supabase_publishable_key,
                api_url=settings.public_api_url,
            ),
            commit=settings.commit,
            market_note=settings.market_note,
            clusters_secrets=settings.clusters_webhook_secrets,
            voice=voice,
            web_dist=Path(settings.web_dist),
        )
        # What was opened last is closed first: answers are settled while the pools are still open.
        stack.push_async_callback(background.close, drain_seconds=settings.drain_seconds)
        background.keep_running(resources.keys.refresh_forever(), name="refresh_keys")
        background.keep_running(resources.probes.refresh_forever(), name="probe_vendors")
        if voice is not None:
            background.keep_running(voice.sweep_forever(), name="sweep_voice")
        keep_live(resources, trading_dsn)
        yield resources


def keep_live(resources: Resources, trading_dsn: str) -> None:
    """Start what feeds the streams of events: the reader, what wakes it, and what is polled."""
    listener = Listener(trading_dsn, [CHANNEL], application_name="zmarty-api-listen")
    keep_running = resources.background.keep_running
    keep_running(resources.live.read_forever(), name="read_events")
    keep_running(hear_changes(listener, resources), name="hear_changes")
    keep_running(poll_forever(resources.live, resources.chat, resources.trading), name="poll_states")


async def hear_changes(listener: Listener, resources: Resources) -> None:
    """Runs for ever: wakes the streams of events and the requests that wait for a job."""
    async for change in listener.changes():
        resources.live.wake()
        resources.waiting.ring(change[1] if change else None)


def bucket_of(settings: Settings, client: httpx.AsyncClient) -> Bucket | None:
    if settings.chat_supabase_secret_key is not None:
        return SupabaseBucket(
            client,
            supabase_url=settings.chat_supabase_url,
            secret_key=settings.chat_supabase_secret_key.get_secret_value(),
        )
    return FolderBucket(Path(settings.voice_folder)) if settings.voice_folder else None


async def _open_pool(stack: AsyncExitStack, dsn: str, size_max: int, patience: Patience) -> Pool:
    # No connection is needed to start: a database that blinks during a deploy must not fail the deploy.
    pool = await open_pool(
        dsn, application_name="zmarty-api", size_min=0, size_max=size_max, patience=patience
    )
    stack.push_async_callback(_close_pool, pool)
    return pool


async def _close_pool(pool: Pool) -> None:
    try:
        async with asyncio.timeout(POOL_CLOSE_SECONDS):
            await pool.close()
    except TimeoutError:
        pool.terminate()
