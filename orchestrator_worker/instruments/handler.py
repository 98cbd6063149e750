"""refresh_instruments: what the exchanges list becomes the instruments; what none of them lists any more is not traded."""

import structlog

from orchestrator_worker.ending import Bury, Ending
from orchestrator_worker.instruments import store
from orchestrator_worker.resources import Resources
from orchestrator_worker.sources.vendor import AnswerUnreadable, SourceUnavailable
from orchestrator_worker.sources.vendors import Vendors
from zmarty.market import Symbol
from zmarty.messages import RefreshInstruments
from zmarty.queue import Delivery

log = structlog.get_logger(__name__)

# Exchanges drop a few symbols a month. More than this at once is an answer that went wrong, and an operator decides.
DELISTED_SHARE_MAX = 0.2


async def handle(delivery: Delivery[RefreshInstruments], resources: Resources) -> Ending:
    listed, all_answered = await _listed(resources.vendors)
    active = await store.active_symbols(resources.trading)
    # One that did not answer may list what the others do not.
    delisted = active - listed if all_answered else frozenset()
    if len(delisted) > DELISTED_SHARE_MAX * len(active):
        return Bury(
            "too_many_delisted",
            f"the exchanges list {len(delisted)} of {len(active)} symbols no more, at most "
            f"{DELISTED_SHARE_MAX:.0%} are dropped at once; nothing was changed: {', '.join(sorted(delisted)[:10])} …",
        )
    async with delivery.completing(resources.trading) as connection:
        await store.list_symbols(connection, listed)
        await store.delist_symbols(connection, delisted)
    log.info(
        "instruments_refreshed",
        listed=len(listed),
        new=len(listed - active),
        delisted=sorted(delisted),
        all_answered=all_answered,
    )
    return None


async def _listed(vendors: Vendors) -> tuple[frozenset[Symbol], bool]:
    """What any exchange lists, and whether all of them answered. Raises SourceUnavailable when none did."""
    listed: set[Symbol] = set()
    failure: SourceUnavailable | None = None
    for exchange in vendors.exchanges():
        try:
            found = await exchange.listed()
            if not found:
                raise AnswerUnreadable(exchange.name, "lists no symbol at all")
        except SourceUnavailable as error:
            log.warning("listing_missing", vendor=exchange.name, reason=error.reason)
            failure = error
            continue
        listed |= found
    if not listed and failure is not None:
        raise failure
    return frozenset(listed), failure is None
