"""Where candles come from: the protocol of every source, and what all of them promise about the bars they return."""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Protocol

import structlog

from orchestrator_worker.sources.vendor import VENDOR_TEXT_MAX, AnswerUnreadable, SourceUnavailable
from zmarty.market import Candle, Symbol, Timeframe

log = structlog.get_logger(__name__)


class CandleSource(Protocol):
    """Closed candles of one exchange, by whichever vendor."""

    @property
    def name(self) -> str: ...

    async def candles(
        self,
        symbol: Symbol,
        timeframe: Timeframe,
        *,
        since: datetime | None,
        until: datetime | None = None,
        limit: int,
    ) -> list[Candle]:
        """At most `limit` closed candles, oldest first, each opening time once, none opened after `until`.

        With `since`: those opened then or later, from the oldest on. Without: the newest ones. Bars that the exchange
        never traded are missing. Raises SourceUnavailable, also when the vendor cannot reach back to `since`.
        """
        ...


class HistorySource(CandleSource, Protocol):
    """A CandleSource that reaches back as far as its exchange does."""

    @property
    def page_bars(self) -> int:
        """As many candles as one request brings."""
        ...

    async def begins_at(self, symbol: Symbol, timeframe: Timeframe) -> datetime | None:
        """When the oldest candle opened, where the exchange can be asked; else None. Raises SourceUnavailable."""
        ...

    async def listed(self) -> frozenset[Symbol]:
        """The spot pairs that are traded now. Raises SourceUnavailable."""
        ...


def utc_now() -> datetime:
    return datetime.now(UTC)


def closed_candles(
    vendor: str, rows: Iterable[object], read: Callable[[object], Candle], *, now: datetime
) -> list[Candle]:
    """Read a vendor's rows, in any order, and keep what every source promises: closed bars, oldest first, once each.

    A row that cannot be true is left out with a warning; when no row is readable, that is the vendor's failure.
    """
    by_opening: dict[datetime, Candle] = {}
    refused: list[str] = []
    for row in rows:
        try:
            candle = read(row)
        except ValueError as error:
            refused.append(str(error)[:VENDOR_TEXT_MAX])
            continue
        # The newest bar is still being traded: its close would be a price of the middle of the bar.
        if candle.closed_at <= now:
            by_opening[candle.opened_at] = candle
    if refused:
        log.warning("candles_refused", vendor=vendor, refused=len(refused), first=refused[0])
        if not by_opening:
            raise AnswerUnreadable(vendor, f"no readable candle, the first fault: {refused[0]}")
    return [by_opening[opened_at] for opened_at in sorted(by_opening)]


async def fetch_candles(
    sources: Sequence[CandleSource],
    symbol: Symbol,
    timeframe: Timeframe,
    *,
    since: datetime | None,
    newest: datetime,
    limit: int,
) -> list[Candle]:
    """Ask the sources in order until one brings the candle opened at `newest`; else return the answer that came nearest.

    Raises the last SourceUnavailable when none of them answers.
    """
    nearest: list[Candle] | None = None
    failure: SourceUnavailable | None = None
    for source in sources:
        try:
            candles = await source.candles(symbol, timeframe, since=since, limit=limit)
        except SourceUnavailable as error:
            log.warning(
                "candle_source_failed", vendor=source.name, reason=error.reason, answered=error.answered
            )
            failure = error
            continue
        if candles and (candles[-1].opened_at >= newest or len(candles) >= limit):
            return candles
        if not nearest or (candles and candles[-1].opened_at > nearest[-1].opened_at):
            nearest = candles
    if nearest is not None:
        return nearest
    assert failure is not None, "at least one source is asked"
    raise failure
