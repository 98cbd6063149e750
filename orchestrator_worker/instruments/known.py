"""Which symbols exist here: the question other features ask before they work on one."""

from orchestrator_worker.instruments import store
from zmarty.market import Symbol
from zmarty.postgres import Pool


async def is_known(pool: Pool, symbol: Symbol) -> bool:
    """Whether an exchange of ours lists the symbol."""
    return await store.is_active(pool, symbol)
