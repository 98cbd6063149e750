"""Runs the API: `python -m orchestrator_api`. Ends with 0 on SIGTERM, after the running requests."""

import signal
import socket
import sys

import uvicorn

from orchestrator_api.app import create_app, open_resources
from orchestrator_api.settings import Settings
from zmarty import logging

# Longer than the idle timeout of the load balancer in front, which must be the one to close.
KEEP_ALIVE_SECONDS = 75
REQUESTS_WAITING_MAX = 2048


class Server(uvicorn.Server):
    """uvicorn waits for running responses before it lets go; streams of events run until somebody ends them."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        if resources := self.lifespan.state.get("resources"):
            resources.live.close()
        await super().shutdown(sockets)


def main() -> int:
    settings = Settings()
    logging.configure("api", json=settings.log_format == "json", level=settings.log_level)
    app = create_app(lambda: open_resources(settings), allowed_origins=settings.allowed_origins)
    server = Server(
        uvicorn.Config(
            app,
            host=settings.host,
            port=settings.port,
            loop="uvloop",
            http="httptools",
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
            backlog=REQUESTS_WAITING_MAX,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=settings.shutdown_seconds - settings.drain_seconds,
        )
    )
    # uvicorn raises the signal again when it is done; ours turns that into an ordinary end.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    server.run()
    return 0 if server.started else 1


if __name__ == "__main__":
    sys.exit(main())
