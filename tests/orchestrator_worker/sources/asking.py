"""A worker process's vendors and nothing else: asks Cryptometer some questions at once, prints how each ended as JSON."""

import asyncio
import json
import sys

from orchestrator_worker.sources.vendor import SourceUnavailable
from orchestrator_worker.sources.vendors import Vendors, open_vendors
from zmarty.market import Symbol
from zmarty.postgres import open_pool


async def main(dsn: str, simulators: str, questions: int) -> None:
    pool = await open_pool(dsn, application_name="asking", size_min=1, size_max=4)
    async with (
        pool,
        open_vendors(
            pool,
            exchange_url=f"{simulators}/exchange",
            cryptometer_url=f"{simulators}/cryptometer",
            cryptometer_key="sim-test",
        ) as vendors,
    ):
        print(json.dumps(await asyncio.gather(*(ask(vendors) for _ in range(questions)))))


async def ask(vendors: Vendors) -> str:
    assert vendors.cryptometer is not None
    try:
        await vendors.cryptometer.liquidations(Symbol.parse("BTC/USDT"))
    except SourceUnavailable as error:
        return error.code
    return "answered"


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
