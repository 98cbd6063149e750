"""Vendors for tests: a door without limits and without sharing, one that is away, one that remembers a history."""

from collections.abc import Sequence
from datetime import datetime
from typing import cast

from orchestrator_worker.sources.answers import Fetch
from orchestrator_worker.sources.candle_source import HistorySource
from orchestrator_worker.sources.store import Admission
from orchestrator_worker.sources.vendor import SourceUnavailable
from orchestrator_worker.sources.vendors import Vendors
from zmarty.market import Candle, Symbol, Timeframe

ADMITTED = Admission(verdict="admitted", wait_seconds=0.0, used=1, quota=None, is_low=False)


class Unlimited:
    """Says the same to everybody, by default that they may ask; remembers what was weighed and paused."""

    def __init__(self, admission: Admission = ADMITTED) -> None:
        self.admission = admission
        self.weights: list[int] = []
        self.pauses: list[tuple[str, float, str]] = []

    async def wait_turn(self, vendor: str, *, weight: int, patience_seconds: float) -> Admission:
        self.weights.append(weight)
        return self.admission

    async def pause(self, vendor: str, *, seconds: float, reason: str) -> None:
        self.pauses.append((vendor, seconds, reason))


class Unshared:
    async def body(self, vendor: str, question: str, fetch: Fetch, *, fresh_seconds: float) -> str:
        return await fetch()


class Away:
    """An exchange that nobody reaches."""

    name = "binance"
    page_bars = 400

    async def candles(
        self,
        symbol: Symbol,
        timeframe: Timeframe,
        *,
        since: datetime | None,
        until: datetime | None = None,
        limit: int,
    ) -> list[Candle]:
        raise SourceUnavailable(self.name, "is away")

    async def begins_at(self, symbol: Symbol, timeframe: Timeframe) -> datetime | None:
        raise SourceUnavailable(self.name, "is away")

    async def listed(self) -> frozenset[Symbol]:
        raise SourceUnavailable(self.name, "is away")


class Quiet(Away):
    """An exchange that has no more candles than are stored."""

    async def candles(
        self,
        symbol: Symbol,
        timeframe: Timeframe,
        *,
        since: datetime | None,
        until: datetime | None = None,
        limit: int,
    ) -> list[Candle]:
        return []

    async def begins_at(self, symbol: Symbol, timeframe: Timeframe) -> datetime | None:
        return None


def vendors_with(*exchanges: HistorySource) -> Vendors:
    """Only these exchanges; by default one that is away."""
    known = exchanges or (Away(),)

    class Known:
        def exchanges(self) -> Sequence[HistorySource]:
            return known

    return cast(Vendors, Known())
