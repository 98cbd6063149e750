"""`python -m orchestrator_worker`: reads the settings, opens what the worker needs, stops on SIGTERM."""

import asyncio
import signal
import sys

import uvloop
from pydantic import ValidationError

from orchestrator_worker import app
from orchestrator_worker.relay.relay import Relay
from orchestrator_worker.resources import Resources
from orchestrator_worker.settings import WorkerSettings
from orchestrator_worker.sources.vendors import open_vendors
from zmarty import logging
from zmarty.postgres import TRADING_PATIENCE, open_pool


def main() -> None:
    try:
        settings = WorkerSettings()
    except ValidationError as error:
        faults = "\n".join(
            f"  {'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()
        )
        sys.exit(f"The worker cannot start; see .env.example for these settings:\n{faults}")
    logging.configure("worker", json=settings.log_format == "json", level=settings.log_level)
    uvloop.run(_run(settings))


async def _run(settings: WorkerSettings) -> None:
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    chat_dsn = settings.chat_database_url.get_secret_value()
    trading_dsn = settings.trading_database_url.get_secret_value()
    async with (
        # No connection is needed to start: a database that is away is waited for by the loops.
        await open_pool(
            chat_dsn, application_name="zmarty-worker", size_min=0, size_max=settings.chat_pool_size
        ) as chat,
        await open_pool(
            trading_dsn,
            application_name="zmarty-worker",
            size_min=0,
            size_max=settings.trading_pool_size,
            patience=TRADING_PATIENCE,
        ) as trading,
        open_vendors(
            trading,
            exchange_url=settings.exchange_base_url,
            cryptometer_url=settings.cryptometer_base_url,
            cryptometer_key=settings.cryptometer_api_key.get_secret_value()
            if settings.cryptometer_api_key
            else None,
            king_fisher_url=settings.kingfisher_base_url or "",
            king_fisher_key=settings.kingfisher_api_key.get_secret_value()
            if settings.kingfisher_api_key
            else None,
            xai_url=settings.xai_base_url,
            xai_key=settings.xai_api_key.get_secret_value()
            if settings.xai_api_key and settings.sentiment_enabled
            else None,
            futures_url=settings.futures_base_url,
            models=settings.models(),
        ) as vendors,
    ):
        relay = Relay(
            pool=chat,
            listen_dsn=chat_dsn,
            url=settings.watchers_webhook_url,
            secrets=settings.watchers_webhook_secrets,
            worker_id=settings.worker_id,
        )
        resources = Resources(chat=chat, trading=trading, vendors=vendors)
        await app.run(settings, resources, relay, stopping)


if __name__ == "__main__":
    main()
