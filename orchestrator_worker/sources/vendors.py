"""The vendors of one process, opened from its settings and closed with it, each behind the limits all processes share."""

import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import httpx

from orchestrator_worker.sources.answers import SharedAnswers
from orchestrator_worker.sources.candle_source import CandleSource, HistorySource
from orchestrator_worker.sources.cryptometer import Cryptometer
from orchestrator_worker.sources.exchange import EXCHANGE, ExchangeKlines
from orchestrator_worker.sources.exchanges import CcxtCandles, ExchangeChoice
from orchestrator_worker.sources.king_fisher import KingFisher
from orchestrator_worker.sources.limits import SharedLimits
from orchestrator_worker.sources.vendor import Vendor
from zmarty.postgres import Pool


@dataclass(frozen=True, slots=True, kw_only=True)
class Vendors:
    """Who can be asked. A vendor that is not configured is None, and what only it knows is missing."""

    exchange: ExchangeKlines
    others: Sequence[CcxtCandles] = ()
    cryptometer: Cryptometer | None = None
    king_fisher: KingFisher | None = None
    # The names of the exchanges in the order in which they are asked.
    order: Sequence[str] = (EXCHANGE,)

    def exchanges(self) -> list[HistorySource]:
        """Whose candles there are, the preferred exchange first."""
        known: dict[str, HistorySource] = {EXCHANGE: self.exchange}
        known.update((other.name, other) for other in self.others)
        return [known[name] for name in self.order]

    def candle_sources(self, exchange: HistorySource, *, history: bool) -> tuple[CandleSource, ...]:
        """Whom to ask for an exchange's candles, in order. Only itself has the history that a first ingest needs."""
        if history or self.cryptometer is None or exchange.name != EXCHANGE:
            return (exchange,)
        return (self.cryptometer, exchange)


@asynccontextmanager
async def open_vendors(
    pool: Pool,
    *,
    exchange_url: str,
    exchanges: Sequence[ExchangeChoice] = (),
    cryptometer_url: str,
    cryptometer_key: str | None = None,
    king_fisher_url: str = "",
    king_fisher_key: str | None = None,
    transport: httpx.AsyncBaseTransport | None = None,
) -> AsyncIterator[Vendors]:
    """Open the clients of all vendors that are configured: Cryptometer by its key, King Fisher by its address.

    `exchanges` are asked for candles in their order; where they do not name Binance, it comes before them. `pool` is the
    trading database, where limits and shared answers are kept. Raises ExchangeUnusable.
    """
    # At INFO httpx prints whole addresses, and one of ours carries a key.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    limits = SharedLimits(pool)
    async with AsyncExitStack() as opened:

        def keep(vendor: Vendor) -> Vendor:
            opened.push_async_callback(vendor.close)
            return vendor

        names = [choice.name for choice in exchanges]
        yield Vendors(
            order=names if EXCHANGE in names else [EXCHANGE, *names],
            exchange=ExchangeKlines(keep(Vendor(EXCHANGE, exchange_url, limits=limits, transport=transport))),
            others=[
                # Its addresses are whole ones: ccxt makes them.
                CcxtCandles(choice, keep(Vendor(choice.name, "", limits=limits, transport=transport)))
                for choice in exchanges
                if choice.name != EXCHANGE
            ],
            cryptometer=Cryptometer(
                keep(
                    Vendor(
                        "cryptometer",
                        cryptometer_url,
                        limits=limits,
                        params={"api_key": cryptometer_key},
                        secrets=(cryptometer_key,),
                        transport=transport,
                    )
                ),
                SharedAnswers(pool),
            )
            if cryptometer_key
            else None,
            king_fisher=KingFisher(
                keep(
                    Vendor(
                        "king_fisher",
                        king_fisher_url,
                        limits=limits,
                        headers={"x-api-key": king_fisher_key} if king_fisher_key else {},
                        secrets=(king_fisher_key or "",),
                        transport=transport,
                    )
                )
            )
            if king_fisher_url
            else None,
        )
