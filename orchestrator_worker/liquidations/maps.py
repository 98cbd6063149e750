"""Maps of clusters for every other feature: where the current one comes from, and how it is kept with what follows from it.

Sources are asked at most once in nine minutes for a symbol, by whichever job comes first; everybody else reads what it stored.
"""

import asyncio
from datetime import datetime, timedelta
from typing import Protocol

import polars as pl
import structlog

from orchestrator_worker.liquidations import store
from orchestrator_worker.liquidations.estimate import SOURCE as ESTIMATED
from orchestrator_worker.liquidations.estimate import estimate
from orchestrator_worker.liquidations.monitor import FRESH, Price, best_of, monitor_of
from orchestrator_worker.sources.candle_source import fetch_candles
from orchestrator_worker.sources.open_interest import OBSERVATIONS_MAX, OpenInterest
from orchestrator_worker.sources.readings import ClusterMap
from orchestrator_worker.sources.vendor import SourceUnavailable
from orchestrator_worker.sources.vendors import Vendors
from zmarty.market import Symbol, Timeframe
from zmarty.postgres import Connection, Pool

log = structlog.get_logger(__name__)

# A little less than the schedule's ten minutes, so that its every message finds the way free.
ASKED_EVERY = timedelta(minutes=9)
STALE = timedelta(hours=1)
ESTIMATE_TIMEFRAME = Timeframe.HOUR_1


class ClusterSource(Protocol):
    """Whoever can be asked for the map of a symbol. Raises SourceUnavailable."""

    @property
    def name(self) -> str: ...

    async def clusters(self, symbol: Symbol) -> ClusterMap: ...


class Estimator:
    """A ClusterSource that works a map out of open interest and candles; nobody needs to sell it."""

    name = ESTIMATED

    def __init__(self, open_interest: OpenInterest, vendors: Vendors, pool: Pool, now: datetime) -> None:
        self._open_interest = open_interest
        self._vendors = vendors
        self._pool = pool
        self._now = now

    async def clusters(self, symbol: Symbol) -> ClusterMap:
        observed = await self._open_interest.history(symbol)
        if not observed:
            raise SourceUnavailable(
                self.name, "not_enough_data: have 0, need more observations of open interest"
            )
        bars = await self._bars(symbol, since=observed[0][0])
        interest = pl.DataFrame(
            {
                "observed_at": [when for when, _ in observed],
                "contracts": [float(number) for _, number in observed],
            },
            schema={"observed_at": pl.Datetime("us", "UTC"), "contracts": pl.Float64},
        )
        try:
            return await asyncio.to_thread(estimate, bars, interest, symbol.base)
        except ValueError as error:
            raise SourceUnavailable(self.name, str(error)) from error

    async def _bars(self, symbol: Symbol, *, since: datetime) -> pl.DataFrame:
        """Hourly bars since then: the stored ones where they reach, else the exchange's."""
        newest = ESTIMATE_TIMEFRAME.newest_closed(self._now)
        wanted = int((newest - since) / ESTIMATE_TIMEFRAME.delta)
        stored = await store.bars_since(self._pool, symbol, ESTIMATE_TIMEFRAME, since, limit=OBSERVATIONS_MAX)
        # An exchange's halt leaves a bar out now and then.
        if stored.height >= wanted - 2:
            return stored
        candles = await fetch_candles(
            self._vendors.candle_sources(history=True),
            symbol,
            ESTIMATE_TIMEFRAME,
            since=since,
            newest=newest,
            limit=OBSERVATIONS_MAX,
        )
        return pl.DataFrame(
            [
                (candle.closed_at, float(candle.high), float(candle.low), float(candle.close))
                for candle in candles
            ],
            schema=store.BARS,
            orient="row",
        )


async def current_map(vendors: Vendors, pool: Pool, symbol: Symbol, *, now: datetime) -> ClusterMap | None:
    """The map to judge by at `now`: one asked for just now where that is due, else the best stored one of the last hour.

    What no source tells is missing: None.
    """
    stored = await store.newest_maps(pool, symbol, since=now - STALE)
    asked = await _ask(pool, symbol, vendors.king_fisher, now=now)
    fresh = [found for found in (*stored, asked) if found is not None and now - found.observed_at <= FRESH]
    # An estimate is worked out only where nobody has seen a map: it would add the less certain to the certain.
    if vendors.open_interest is not None and all(found.vendor == ESTIMATED for found in fresh):
        estimator = Estimator(vendors.open_interest, vendors, pool, now)
        asked = await _ask(pool, symbol, estimator, now=now) or asked
    found = best_of((*stored, asked), now=now)
    if found is not None and found.observed_at < now - STALE:
        # A source that stopped looking keeps answering; what it saw hours ago is no word on the market of now.
        log.warning("reading_stale", source="clusters", observed_at=found.observed_at.isoformat())
        return None
    return found


async def keep(
    connection: Connection, symbol: Symbol, found: ClusterMap, price: Price | None, *, now: datetime
) -> None:
    """Store a map once and, where a price is known, what it threatens there; in the caller's transaction."""
    await store.save_clusters(connection, symbol, found)
    if price is not None:
        await store.save_monitor(connection, symbol, monitor_of(found, price, symbol.base), computed_at=now)


async def _ask(
    pool: Pool, symbol: Symbol, source: ClusterSource | None, *, now: datetime
) -> ClusterMap | None:
    if source is None or not await store.claim_ask(pool, symbol, source.name, now=now, every=ASKED_EVERY):
        return None
    try:
        return await source.clusters(symbol)
    except SourceUnavailable as error:
        log.warning("reading_missing", source="clusters", vendor=error.vendor, reason=error.reason)
        return None
