"""What is known of a symbol without asking: last good readings, and its parts of what was told of the whole market.

Each has its own bound of age (`plan`); beyond it the source is missing, never a default.
"""

from datetime import datetime

from orchestrator_worker.context import store
from orchestrator_worker.context.parts import PARTS, part_of
from orchestrator_worker.sources.plan import BY_NAME, stale_after
from orchestrator_worker.sources.readings import Known, Reading
from zmarty.market import Symbol, Timeframe
from zmarty.postgres import Pool

OLDEST_PART = max(BY_NAME[source].stale_after for source in PARTS)


async def recall(pool: Pool, symbol: Symbol, timeframe: Timeframe, *, now: datetime) -> dict[str, Reading]:
    """By source, what was told of the symbol and is not stale."""
    known: dict[str, Reading] = {}
    for part in await store.newest_parts(pool, symbol, list(PARTS), oldest=now - OLDEST_PART):
        found = part_of(part.source, part.vendor, part.observed_at, part.told, symbol)
        if found is not None and is_fresh(part.source, timeframe, found.observed_at, now=now):
            known[part.source] = found
    for last in await store.last_readings(pool, symbol, timeframe):
        if is_fresh(last.source, timeframe, last.observed_at, now=now):
            known[last.source] = Known(observed_at=last.observed_at, data=last.data)
    return known


def is_fresh(source: str, timeframe: Timeframe, observed_at: datetime, *, now: datetime) -> bool:
    """Whether a source's word may still be used; one that is in no plan any more may not."""
    known = BY_NAME.get(source)
    return known is not None and now - observed_at <= stale_after(known, timeframe)
