"""Which symbols exist here: the question other features ask before they fetch candles of one."""

from orchestrator_worker.indicators import store
from zmarty.market import Symbol
from zmarty.postgres import Pool


async def is_known(pool: Pool, symbol: Symbol) -> bool:
    return await store.is_known(pool, symbol)
