"""The vendors of one process, opened from its settings and closed with it, each behind the limits all processes share."""

import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import httpx

from orchestrator_worker.sources.answers import SharedAnswers
from orchestrator_worker.sources.budget import Purse, SharedBudget
from orchestrator_worker.sources.candle_source import CandleSource, HistorySource
from orchestrator_worker.sources.cryptometer import Cryptometer
from orchestrator_worker.sources.exchange import EXCHANGE, ExchangeKlines
from orchestrator_worker.sources.exchanges import CcxtCandles, ExchangeChoice
from orchestrator_worker.sources.king_fisher import KingFisher
from orchestrator_worker.sources.limits import Limits, SharedLimits
from orchestrator_worker.sources.open_interest import OpenInterest
from orchestrator_worker.sources.plan import BY_NAME, asks_for
from orchestrator_worker.sources.vendor import Vendor
from orchestrator_worker.sources.vision import LateModel, Vision
from orchestrator_worker.sources.xai_search import REQUEST_SECONDS as XAI_SECONDS
from orchestrator_worker.sources.xai_search import XaiSearch
from zmarty.market import Timeframe
from zmarty.postgres import Pool


@dataclass(frozen=True, slots=True, kw_only=True)
class Vendors:
    """Who can be asked. A vendor that is not configured is None, and what only it knows is missing."""

    exchange: ExchangeKlines
    others: Sequence[CcxtCandles] = ()
    cryptometer: Cryptometer | None = None
    king_fisher: KingFisher | None = None
    xai_search: XaiSearch | None = None
    open_interest: OpenInterest | None = None
    vision: Vision | None = None
    # The names of the exchanges in the order in which they are asked.
    order: Sequence[str] = (EXCHANGE,)

    def exchanges(self) -> list[HistorySource]:
        """Whose candles there are, the preferred exchange first."""
        known: dict[str, HistorySource] = {EXCHANGE: self.exchange}
        known.update((other.name, other) for other in self.others)
        return [known[name] for name in self.order]

    def candle_sources(
        self,
        exchange: HistorySource | None = None,
        *,
        history: bool,
        timeframe: Timeframe | None = None,
    ) -> tuple[CandleSource, ...]:
        """Whom to ask for an exchange's candles, in order; Binance's unless another is named.

        Only the exchange itself has the history that a first ingest needs. The candles of short timeframes would use the
        month of the vendor's quota that its readings need.
        """
        exchange = exchange or self.exchange
        is_planned = timeframe is None or asks_for(BY_NAME["candles"], timeframe)
        if history or self.cryptometer is None or not is_planned or exchange.name != EXCHANGE:
            return (exchange,)
        return (self.cryptometer, exchange)


@dataclass(frozen=True, slots=True)
class ModelAccess:
    """Where a model vendor is reached, and with which key."""

    base_url: str
    api_key: str


# Whose models look at images, in the order in which they are asked.
VISION_MODELS = {"xai": "grok-4.7", "openai": "gpt-6.1-sol", "anthropic": "claude-sonnet-5-5"}
VISION_MODULES = {
    "xai": "orchestrator_worker.sources.vision_openai",
    "openai": "orchestrator_worker.sources.vision_openai",
    "anthropic": "orchestrator_worker.sources.vision_anthropic",
}


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
    xai_url: str = "",
    xai_key: str | None = None,
    futures_url: str = "",
    models: Mapping[str, ModelAccess] | None = None,
    transport: httpx.AsyncBaseTransport | None = None,
) -> AsyncIterator[Vendors]:
    """Open the clients of all vendors that are configured: Cryptometer and xAI by their keys, the others by their address.

    `models` are the model vendors that have a key, by the names of VISION_MODELS. `exchanges` are asked for candles in
    their order; where they do not name Binance, it comes before them. `pool` is the trading database, where limits and
    shared answers are kept. Raises ExchangeUnusable.
    """
    # At INFO httpx prints whole addresses, and one of ours carries a key.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    limits = SharedLimits(pool)
    async with AsyncExitStack() as opened:

        def keep(vendor: Vendor) -> Vendor:
            opened.push_async_callback(vendor.close)
            return vendor

        names = [choice.name for choice in exchanges]
        vision = _vision(models or {}, limits)
        if vision is not None:
            opened.push_async_callback(vision.close)
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
                SharedBudget(pool),
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
            xai_search=XaiSearch(
                keep(
                    Vendor(
                        "xai_search",
                        xai_url,
                        limits=limits,
                        headers={"authorization": f"Bearer {xai_key}"},
                        secrets=(xai_key,),
                        request_seconds=XAI_SECONDS,
                        transport=transport,
                    )
                ),
                Purse(pool),
            )
            if xai_key
            else None,
            open_interest=OpenInterest(
                keep(Vendor("binance_futures", futures_url, limits=limits, transport=transport))
            )
            if futures_url
            else None,
            vision=vision,
        )


def _vision(models: Mapping[str, ModelAccess], limits: Limits) -> Vision | None:
    chosen = [
        LateModel(VISION_MODULES[name], model, api_key=access.api_key, base_url=access.base_url)
        for name, model in VISION_MODELS.items()
        if (access := models.get(name)) is not None
    ]
    return Vision(chosen, limits) if chosen else None
