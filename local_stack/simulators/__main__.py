"""Start the simulators: `python -m local_stack.simulators --port P [--market-data FILE] [--seed N]`."""

import argparse
import os
import socket
import sys
import time
from pathlib import Path
from types import FrameType

import uvicorn

from local_stack.simulators.app import create_app
from local_stack.simulators.connection import BreakableProtocol
from local_stack.simulators.market import Market
from local_stack.simulators.replay import MarketDataUnreadable, Replay, read_recording, remembered_shift

SEED_DEFAULT = 20_261_121


class Server(uvicorn.Server):
    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        # There is nothing to save, and requests on hold would never finish: leave at once, and say all is well.
        os._exit(0)


def main() -> int:
    arguments = _arguments()
    try:
        market = _market(arguments)
    except MarketDataUnreadable as error:
        sys.stderr.write(f"--market-data: {error}\n")
        return 2
    listener = socket.create_server((arguments.host, arguments.port))
    status = market.status()
    sys.stdout.write(
        f"simulators at http://{arguments.host}:{listener.getsockname()[1]}, market: {status['source']}. {status['note']}\n"
    )
    sys.stdout.flush()
    config = uvicorn.Config(
        create_app(market),
        http=BreakableProtocol,
        ws="none",
        lifespan="off",
        log_level="warning",
        access_log=False,
    )
    Server(config).run(sockets=[listener])
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m local_stack.simulators", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True, help="0 picks a free one and prints it")
    parser.add_argument("--market-data", type=Path, metavar="FILE", help="candles to replay: parquet or CSV")
    parser.add_argument("--seed", type=int, default=SEED_DEFAULT, help="of everything synthetic")
    return parser.parse_args()


def _market(arguments: argparse.Namespace) -> Market:
    """Raises MarketDataUnreadable."""
    if arguments.market_data is None:
        return Market(seed=arguments.seed, clock=time.time)
    recording = read_recording(arguments.market_data)
    # Stored candles outlive this process, so a home remembers how far its file was moved.
    home = os.environ.get("ZMARTY_HOME")
    shift = remembered_shift(recording, Path(home) if home else None, time.time())
    return Market(seed=arguments.seed, clock=time.time, replay=Replay(recording, shift, arguments.seed))


if __name__ == "__main__":
    sys.exit(main())
