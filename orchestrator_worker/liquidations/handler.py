"""ingest_clusters: the current map of a symbol, or one that was pushed, kept with what it threatens at the newest price."""

from datetime import datetime

import structlog

from orchestrator_worker.ending import Bury, Discard, Ending, Postpone
from orchestrator_worker.liquidations import maps, screenshot, store
from orchestrator_worker.liquidations.monitor import Price, best_of
from orchestrator_worker.liquidations.screenshot import Implausible
from orchestrator_worker.liquidations.store import Push
from orchestrator_worker.resources import Resources
from orchestrator_worker.sources.candle_source import utc_now
from orchestrator_worker.sources.king_fisher import clusters_from
from orchestrator_worker.sources.readings import ClusterMap
from orchestrator_worker.sources.vendor import SourceUnavailable
from orchestrator_worker.sources.vision import Look, Vision
from zmarty.market import Symbol
from zmarty.messages import IngestClusters
from zmarty.queue import Delivery

log = structlog.get_logger(__name__)

PUSHED = "pushed"
POSTPONE_SECONDS_MIN = 5.0
POSTPONE_SECONDS_MAX = 3_600.0
REFUSAL_LENGTH_MAX = 500


async def handle(delivery: Delivery[IngestClusters], resources: Resources) -> Ending:
    message, trading, now = delivery.message, resources.trading, utc_now()
    if not await store.is_known(trading, message.symbol):
        return Bury("symbol_unknown", f"{message.symbol} is no instrument that Zmarty knows")
    price = await store.newest_price(trading, message.symbol)
    if message.push_id is not None:
        return await _keep_push(delivery, message.push_id, resources, price, now)
    found = await maps.current_map(resources.vendors, trading, message.symbol, now=now)
    if found is None:
        return Discard(
            f"map_missing: no source tells where positions in {message.symbol} would be liquidated"
        )
    async with delivery.completing(trading) as connection:
        await maps.keep(connection, message.symbol, found, price, now=now)
    return None


async def _keep_push(
    delivery: Delivery[IngestClusters], push_id: str, resources: Resources, price: Price | None, now: datetime
) -> Ending:
    symbol, trading = delivery.message.symbol, resources.trading
    push = await store.find_push(trading, push_id)
    if push is None or push.state != "waiting" or push.symbol != symbol:
        return Discard("push_ended: there is nothing left to do for this push")
    if push.media_type is not None and resources.vendors.vision is None:
        # It goes on waiting: with a key the dead letter may be sent again.
        return Bury(
            "vision_unconfigured", "no model that reads images is configured: set a model vendor's key"
        )
    try:
        pushed = await _read(push, symbol, resources.vendors.vision, price)
    except Implausible as error:
        log.warning("push_refused", symbol=symbol, reason=str(error))
        async with delivery.completing(trading) as connection:
            reason = str(error)[:REFUSAL_LENGTH_MAX]
            await store.end_push(connection, push.id, state="refused", refusal=reason, now=now)
        return None
    except SourceUnavailable as error:
        if error.retry_after_seconds is None:
            raise
        seconds = min(max(error.retry_after_seconds, POSTPONE_SECONDS_MIN), POSTPONE_SECONDS_MAX)
        return Postpone(seconds, error.message, code=error.code)
    stored = await store.newest_maps(trading, symbol, since=now - maps.STALE)
    best = best_of((*stored, pushed), now=now)
    assert best is not None

    async with delivery.completing(trading) as connection:
        await store.save_clusters(connection, symbol, pushed)
        await maps.keep(connection, symbol, best, price, now=now)
        await store.end_push(connection, push.id, state="kept", refusal=None, now=now)
    return None


async def _read(push: Push, symbol: Symbol, vision: Vision | None, price: Price | None) -> ClusterMap:
    """The map of a push. Raises Implausible for what cannot be one, and SourceUnavailable when no model answers."""
    if price is None:
        raise Implausible(
            f"not_enough_data: have 0, need 1 closed candle of {symbol} to hold the prices against"
        )
    close = float(price.close)
    if push.media_type is None:
        pushed = _posted(push, symbol)
        screenshot.refuse_implausible(pushed, close)
        return pushed
    assert vision is not None and push.image is not None, "an image waits as long as its push does"
    seen = await vision.see(
        Look(
            image=push.image,
            media_type=push.media_type,
            instructions=screenshot.instructions_for(symbol, close),
            schema=screenshot.SCHEMA,
        )
    )
    log.info("screenshot_read", symbol=symbol, model=seen.model)
    return screenshot.map_from(seen.answer, symbol, price=close, observed_at=push.observed_at, link=push.link)


def _posted(push: Push, symbol: Symbol) -> ClusterMap:
    told = {"symbol": symbol, "observed_at": push.observed_at.isoformat(), "clusters": push.clusters}
    try:
        read = clusters_from(told, symbol)
    except ValueError as error:
        raise Implausible(str(error)) from error
    return ClusterMap(
        vendor=PUSHED,
        observed_at=read.observed_at,
        clusters=read.clusters,
        confidence=push.confidence,
        link=push.link,
    )
