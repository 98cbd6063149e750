"""Which symbols exist here: the question other features ask the market before they accept one."""

from orchestrator_api.market import store
from zmarty.errors import SymbolUnknown
from zmarty.market import Symbol
from zmarty.postgres import Pool


async def require_known_symbol(trading: Pool, symbol: Symbol) -> None:
    if not await store.is_known_symbol(trading, symbol):
        raise SymbolUnknown(f"{symbol} is not traded here.", symbol=symbol)
