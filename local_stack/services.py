"""What each process of the local system is: its command, what it is told, and how its health shows."""

from __future__ import annotations

import os
import signal
import ssl
import sys
from collections.abc import Mapping

import asyncpg
import httpx
from deno import find_deno_bin
from dotenv import dotenv_values

from console.migrations import REPOSITORY
from local_stack.keeper import IsHealthy, Running, Service
from local_stack.process import is_listening, server_account
from local_stack.site import VENDORS, Site
from zmarty.postgres import TROUBLE

HEALTH_SECONDS = 2.0
# Whose certificates count: our own processes speak plain HTTP. A client without this reads the world's authorities, and
# for a look at every service every two seconds that was a tenth of a core.
NOBODY = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
# The worker beats every 10 seconds.
HEARTBEAT_SECONDS_MAX = 30
PUBLISHABLE_KEY = "sb_publishable_local_zmarty"
# Whose imports and lock hold for both functions: they are the same.
FUNCTION = REPOSITORY / "supabase" / "trading" / "functions" / "watchers-upsert"
DENO_RUN = ("run", "--quiet", "--cached-only", "--frozen", "--allow-net", "--allow-env")


def database(site: Site, kind: str) -> Service:
    cluster = site.clusters[kind]

    async def is_ready(_: Running) -> bool:
        return await cluster.is_ready()

    return Service(
        name=cluster.name,
        command=tuple(cluster.command),
        log=site.home.log(cluster.name),
        is_healthy=is_ready,
        options=server_account(),
        # Postgres' words for a fast and for an immediate shutdown.
        stop_signal=signal.SIGINT,
        last_signal=signal.SIGQUIT,
        death_signal=signal.SIGINT,
    )


def simulators(site: Site) -> Service:
    chosen = site.options
    market = ["--market-data", str(chosen.market_data.resolve())] if chosen.market_data else []
    seed = ["--seed", str(chosen.seed)] if chosen.seed is not None else []
    return python_service(
        site,
        "simulators",
        "local_stack.simulators",
        "--port",
        str(site.ports["simulators"]),
        *market,
        *seed,
        settings={"ZMARTY_HOME": str(site.home.path)},
        is_healthy=answers(site, "simulators", "/_health"),
    )


def auth(site: Site) -> Service:
    return python_service(
        site,
        "auth",
        "local_stack.auth_server",
        "--port",
        str(site.ports["auth"]),
        settings={
            "AUTH_DATABASE_URL": site.dsn("chat", "supabase_auth_admin"),
            "AUTH_PUBLIC_URL": site.auth,
            "AUTH_SITE_URL": site.api,
            "AUTH_PUBLISHABLE_KEY": PUBLISHABLE_KEY,
            "ZMARTY_HOME": str(site.home.path),
        },
        is_healthy=answers(site, "auth", "/auth/v1/health"),
    )


def edge(site: Site) -> Service:
    return Service(
        name="edge",
        command=(
            os.fsdecode(find_deno_bin()),
            *DENO_RUN,
            "--config=deno.json",
            str(REPOSITORY / "local_stack" / "edge.ts"),
        ),
        log=site.home.log("edge"),
        # It refuses a plain GET, and that it does so shows that it runs.
        is_healthy=answers(site, "edge", "/", httpx.codes.METHOD_NOT_ALLOWED),
        environment=plain_environment(
            {
                "DENO_SERVE_ADDRESS": f"tcp:127.0.0.1:{site.ports['edge']}",
                "DENO_NO_UPDATE_CHECK": "1",
                "SUPABASE_DB_URL": site.dsn("trading"),
                "WATCHERS_WEBHOOK_SECRETS": site.secrets.webhook,
            }
        ),
        options={"cwd": FUNCTION},
    )


def worker(site: Site, name: str) -> Service:
    return python_service(
        site,
        name,
        "orchestrator_worker",
        settings={
            **database_urls(site, "zmarty_worker"),
            **vendor_settings(site),
            "WORKER_ID": name,
            "WATCHERS_WEBHOOK_URL": f"{site.url('edge')}/watchers-upsert",
            "WATCHERS_WEBHOOK_SECRETS": site.secrets.webhook,
        },
        is_healthy=beats(site, name),
    )


def api(site: Site) -> Service:
    return python_service(
        site,
        "api",
        "orchestrator_api",
        settings={
            **database_urls(site, "zmarty_api"),
            **vendor_settings(site),
            "HOST": "127.0.0.1",
            "PORT": str(site.ports["api"]),
            "CHAT_SUPABASE_URL": site.auth,
            "CHAT_SUPABASE_PUBLISHABLE_KEY": PUBLISHABLE_KEY,
            "ALLOWED_ORIGINS": site.api,
            "WEB_DIST": str(REPOSITORY / "web" / "dist"),
            "MARKET_NOTE": market_note(site),
            "CALL_LIMITS_FACTOR": "100",
            "TRUSTED_PROXY_HOPS": "0",
            "CLUSTERS_WEBHOOK_SECRETS": site.secrets.webhook,
            "ELEVENLABS_VOICE_ID": "sim-voice",
            "VOICE_LINK_SECRET": site.secrets.webhook,
            "VOICE_FOLDER": str(site.home.path / "voice"),
        },
        is_healthy=answers(site, "api", "/livez"),
    )


def python_service(
    site: Site, name: str, module: str, *arguments: str, settings: Mapping[str, str], is_healthy: IsHealthy
) -> Service:
    return Service(
        name=name,
        command=(sys.executable, "-m", module, *arguments),
        log=site.home.log(name),
        is_healthy=is_healthy,
        environment=plain_environment({**settings, "PYTHONPATH": str(REPOSITORY), "PYTHONUNBUFFERED": "1"}),
        # Not in the checkout: a .env there is for its owner's own runs, not for the local system.
        options={"cwd": site.home.path},
    )


def database_urls(site: Site, role: str) -> dict[str, str]:
    return {f"{kind.upper()}_DATABASE_URL": site.dsn(kind, role) for kind in site.clusters}


def vendor_settings(site: Site) -> dict[str, str]:
    """Simulators for every vendor, and the caller's own key and address for those named by --live."""
    own = {**dotenv_values(".env"), **os.environ}
    settings: dict[str, str] = {}
    for vendor, (key, address, path) in VENDORS.items():
        if vendor in site.options.live:
            settings |= {name: value for name in (key, address) if (value := own.get(name))}
        else:
            settings |= {key: f"simulated-{vendor}", address: site.simulators + path}
    # Exchanges that stand in are real ones: only beside a real one.
    if "exchange" in site.options.live and (exchanges := own.get("EXCHANGES")):
        settings["EXCHANGES"] = exchanges
    return settings


def market_note(site: Site) -> str:
    """What the chat is to say of prices that are not the market's own."""
    chosen = site.options
    if "exchange" in chosen.live:
        return ""
    if chosen.market_data is None:
        return "every price is synthetic"
    return f"recorded candles of {chosen.market_data.name}, moved in time; other symbols are synthetic"


def plain_environment(settings: Mapping[str, str]) -> dict[str, str]:
    """The caller's environment without any setting of ours, and then these."""
    ours = (
        "_API_KEY",
        "_BASE_URL",
        "_DATABASE_URL",
        "_SUPABASE_URL",
        "_PUBLISHABLE_KEY",
        "_SECRETS",
        "_SECRET",
        "EXCHANGES",
    )
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.endswith(ours) and not name.startswith(("CHAT_", "TRADING_", "WATCHERS_", "PG"))
    }
    return {**kept, **settings}


def answers(site: Site, name: str, path: str, expected: int = httpx.codes.OK) -> IsHealthy:
    """A health check: does our process, and no other at its port, answer so within its time?"""

    async def is_answering(running: Running) -> bool:
        if not is_listening(running.pid, site.ports[name]):
            return False
        try:
            async with httpx.AsyncClient(timeout=HEALTH_SECONDS, trust_env=False, verify=NOBODY) as client:
                answer = await client.get(site.url(name) + path)
        except httpx.HTTPError:
            return False
        return answer.status_code == expected

    return is_answering


def beats(site: Site, worker_id: str) -> IsHealthy:
    """A health check: has this very process of the worker written its heartbeat lately?"""

    async def is_beating(running: Running) -> bool:
        try:
            connection = await asyncpg.connect(site.dsn("trading"), timeout=HEALTH_SECONDS)
        except TROUBLE:
            return False
        try:
            age = await connection.fetchval(
                "select extract(epoch from now() - beat_at) from public.worker_heartbeats"
                " where worker_id = $1 and started_at > now() - make_interval(secs => $2)",
                worker_id,
                running.age_seconds + 1,
                timeout=HEALTH_SECONDS,
            )
        except TROUBLE:
            return False
        finally:
            connection.terminate()
        return age is not None and age < HEARTBEAT_SECONDS_MAX

    return is_beating
