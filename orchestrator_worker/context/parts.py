"""A symbol's part of what was told of the whole market, without a request of its own. Pure.

What is stored comes from our own parsers (`market_readings`); a part that is not there is None. None means that nothing
is known: only where a list is known to be complete back to a time does absence count as zero.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from orchestrator_worker.sources.readings import Known
from zmarty.market import Symbol

MOVEMENTS_WINDOW = timedelta(days=1)
QUOTED_MAX = 3

Part = Callable[[Any, Symbol, datetime], dict[str, Any] | None]


def part_of(source: str, vendor: str, observed_at: datetime, told: Any, symbol: Symbol) -> Known | None:
    """`told` is a snapshot's data, or already the row of the symbol where the snapshot is a table."""
    part = PARTS[source](told, symbol, observed_at) if told else None
    if part is None:
        return None
    data = {**part, "vendor": vendor, "observed_at": observed_at.isoformat()}
    return Known(observed_at=observed_at, data=data)


def _row(told: Any, symbol: Symbol, observed_at: datetime) -> dict[str, Any] | None:
    return dict(told) if isinstance(told, Mapping) else None


def _movements(told: Any, symbol: Symbol, observed_at: datetime) -> dict[str, Any] | None:
    """Movements of the coin against dollars or anything else. The list ends somewhere: until there it is complete."""
    listed = told["movements"]
    if not listed:
        return None
    since = max(
        min(datetime.fromisoformat(row["moved_at"]) for row in listed), observed_at - MOVEMENTS_WINDOW
    )
    mine = [
        row
        for row in listed
        if row["pair"].split("-")[0] == symbol.base and datetime.fromisoformat(row["moved_at"]) >= since
    ]
    changes = [row["change_percent"] for row in mine]
    return {
        "since": since.isoformat(),
        "pumps": sum(change > 0 for change in changes),
        "dumps": sum(change < 0 for change in changes),
        "largest_percent": max(changes, key=abs, default=None),
        "newest": mine[:QUOTED_MAX],
    }


def _large_trades(told: Any, symbol: Symbol, observed_at: datetime) -> dict[str, Any] | None:
    """Large trades of this very pair. The list has no times, so a pair that is not in it is unknown and not quiet."""
    mine = [row for row in told["trades"] if row["pair"] == symbol.path]
    if not mine:
        return None
    bought = [row["total"] for row in mine if row["side"] == "buy"]
    sold = [row["total"] for row in mine if row["side"] == "sell"]
    return {
        "buys": len(bought),
        "sells": len(sold),
        "bought": sum(bought),
        "sold": sum(sold),
        "largest": max(row["total"] for row in mine),
    }


def _flow(told: Any, symbol: Symbol, observed_at: datetime) -> dict[str, Any] | None:
    """The coin's flows as far as they are among the largest; a side that is not listed is unknown, hence no net of it."""
    inflow = _sum(told["inflow"], "going_to", symbol.base)
    outflow = _sum(told["outflow"], "coming_from", symbol.base)
    if inflow is None and outflow is None:
        return None
    netflow = None if inflow is None or outflow is None else inflow - outflow
    return {"inflow": inflow, "outflow": outflow, "netflow": netflow}


def _screened(told: Any, symbol: Symbol, observed_at: datetime) -> dict[str, Any] | None:
    """The screener's entries into the coin; one that it does not list says nothing about it."""
    mine = [row for row in told["entries"] if row["coin"] == symbol.base]
    if not mine:
        return None
    return {
        "open": sum(row["is_open"] for row in mine),
        "closed": sum(not row["is_open"] for row in mine),
        "newest": mine[:QUOTED_MAX],
    }


def _sum(flows: Sequence[Mapping[str, Any]], side: str, coin: str) -> float | None:
    volumes = [flow["volume"] for flow in flows if flow[side] == coin]
    return float(sum(volumes)) if volumes else None


PARTS: Mapping[str, Part] = {
    "trend": _row,
    "rapid_movements": _movements,
    "large_trades": _large_trades,
    "volume_flow": _flow,
    "liquidity_lens": _row,
    "volatility_index": _row,
    "ai_screener": _screened,
}
