"""Open interest of a perpetual by the hour, from the futures exchange's public statistics: about three weeks of it."""

from datetime import datetime
from decimal import Decimal

from orchestrator_worker.sources import fields
from orchestrator_worker.sources.vendor import AnswerUnreadable, RequestRefused, Vendor
from zmarty.market import Symbol

NAME = "binance_futures"
PERIOD = "1h"
OBSERVATIONS_MAX = 500
QUOTES = frozenset({"USDT", "USDC"})


class OpenInterest:
    """`GET /futures/data/openInterestHist`, in contracts of the base currency. Raises SourceUnavailable."""

    name = NAME

    def __init__(self, vendor: Vendor) -> None:
        self._vendor = vendor

    async def history(self, symbol: Symbol) -> list[tuple[datetime, Decimal]]:
        """When it was observed and how many contracts were open, oldest first."""
        if symbol.quote not in QUOTES:
            raise RequestRefused(NAME, f"no perpetual of {symbol} is settled in dollars")
        answer = await self._vendor.get(
            "/futures/data/openInterestHist", symbol=symbol.compact, period=PERIOD, limit=OBSERVATIONS_MAX
        )
        try:
            if not isinstance(answer, list):
                raise fields.FieldUnreadable("the history is not a list")
            by_time = dict(_observation(row) for row in answer)
        except ValueError as error:
            raise AnswerUnreadable(NAME, str(error)) from error
        return sorted(by_time.items())


def _observation(row: object) -> tuple[datetime, Decimal]:
    stamp = fields.field(row, "timestamp")
    # Documented as text, sent as a number.
    whole = int(stamp) if isinstance(stamp, str) and stamp.isascii() and stamp.isdigit() else stamp
    observed_at = fields.milliseconds(whole, "timestamp")
    contracts = fields.number(fields.field(row, "sumOpenInterest"), "sumOpenInterest")
    if contracts <= 0:
        raise fields.FieldUnreadable("sumOpenInterest is not positive")
    return observed_at, contracts
