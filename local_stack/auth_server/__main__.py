"""Starts the auth server: `python -m local_stack.auth_server --port P`."""

import argparse
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import structlog
import uvicorn
from pydantic import SecretStr
from pydantic_settings import BaseSettings

from local_stack.auth_server.app import create_app
from local_stack.auth_server.mailbox import Mailbox
from local_stack.auth_server.resources import Resources, key_file, mailbox_file
from local_stack.auth_server.signing_keys import SigningKeys
from zmarty import logging
from zmarty.postgres import Patience, open_pool

POOL_SIZE_MIN = 1
POOL_SIZE_MAX = 8
STATEMENT_SECONDS = 5.0
CONNECTIONS_MAX = 512
SHUTDOWN_SECONDS = 5

log = structlog.get_logger(__name__)


class Settings(BaseSettings):
    auth_database_url: SecretStr
    zmarty_home: Path = Path(".zmarty")
    auth_public_url: str | None = None
    auth_site_url: str = "http://127.0.0.1:8000"
    auth_publishable_key: SecretStr | None = None


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m local_stack.auth_server", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    port = parser.parse_args().port
    settings = Settings()
    logging.configure("auth", json=True)

    @asynccontextmanager
    async def open_resources() -> AsyncIterator[Resources]:
        async with opened(settings, f"http://127.0.0.1:{port}") as resources:
            log.info("auth_server_started", public_url=resources.public_url)
            yield resources

    uvicorn.run(
        create_app(open_resources),
        host="127.0.0.1",
        port=port,
        log_config=None,
        access_log=False,
        limit_concurrency=CONNECTIONS_MAX,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
    )


@asynccontextmanager
async def opened(settings: Settings, own_url: str) -> AsyncIterator[Resources]:
    """Everything the server holds, from its settings; closed at the end."""
    pool = await open_pool(
        settings.auth_database_url.get_secret_value(),
        application_name="zmarty-auth",
        size_min=POOL_SIZE_MIN,
        size_max=POOL_SIZE_MAX,
        patience=Patience(connect_seconds=5.0, statement_seconds=STATEMENT_SECONDS),
    )
    async with pool:
        publishable_key = settings.auth_publishable_key
        yield Resources(
            chat=pool,
            keys=SigningKeys.load(key_file(settings.zmarty_home)),
            mailbox=Mailbox(mailbox_file(settings.zmarty_home)),
            public_url=(settings.auth_public_url or own_url).rstrip("/"),
            site_url=settings.auth_site_url.rstrip("/"),
            publishable_key=publishable_key.get_secret_value() if publishable_key else None,
        )


if __name__ == "__main__":
    main()
