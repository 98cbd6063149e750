"""Everything one message says of a pair: the analysis, what patterns are new, how old ones ended, how often they were right. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

import polars as pl

from orchestrator_worker.intelligence.analysis import Analysis, analyse
from orchestrator_worker.intelligence.effectiveness import (
    JUDGED,
    UNJUDGED,
    Effectiveness,
    effectiveness_of,
    judged_patterns,
)
from orchestrator_worker.intelligence.patterns import Pattern, look
from orchestrator_worker.intelligence.patterns.liquidations import Cluster
from zmarty.market import Symbol, Timeframe


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """What the stores hold about one pair. `analysed_until` is the last candle whose patterns are saved."""

    symbol: Symbol
    timeframe: Timeframe
    candles: pl.DataFrame
    clusters: Sequence[Cluster]
    bitcoin_risk: float | None
    analysed_until: datetime | None
    unjudged: pl.DataFrame
    judged: pl.DataFrame


@dataclass(frozen=True, slots=True)
class FoundPattern:
    """A pattern with the id that it has by its pair, kind and first bar."""

    id: UUID
    origin: str
    pattern: Pattern

    def row(self) -> dict[str, Any]:
        return self.pattern.row() | {"id": str(self.id), "origin": self.origin}


@dataclass(frozen=True, slots=True)
class Report:
    """`active` are the patterns that hold as of the newest candle, best first; `found` those that are new."""

    analysis: Analysis
    active: Sequence[Pattern]
    found: Sequence[FoundPattern]
    judged: pl.DataFrame
    effectiveness: Sequence[Effectiveness]


def report_on(material: Material, *, now: datetime) -> Report:
    """Raises ValueError when the candles cannot be true."""
    timeframe, candles = material.timeframe, material.candles
    analysis = analyse(candles, timeframe=timeframe, bitcoin_risk=material.bitcoin_risk)
    active, ever = look(candles, timeframe=timeframe, clusters=material.clusters)
    known = material.analysed_until
    told = [pattern for pattern in ever if known is None or pattern.detected_opened_at > known]
    # Clusters have no history to walk: what is said of them is said by the newest map alone.
    told += [pattern for pattern in active if pattern.kind == "liquidation_cluster"]
    found = [_found(material, pattern, now) for pattern in told]
    unjudged = pl.concat([material.unjudged, _as_unjudged(found)]).unique("pattern_id", keep="first")
    judged = judged_patterns(unjudged.sort("opened_at"), candles, timeframe=timeframe)
    counted = pl.concat([material.judged, judged.select(JUDGED.names())])
    return Report(
        analysis=analysis,
        active=active,
        found=found,
        judged=judged,
        effectiveness=list(effectiveness_of(counted, timeframe=timeframe)) if judged.height else [],
    )


def pattern_id(symbol: Symbol, timeframe: Timeframe, pattern: Pattern) -> UUID:
    """The same for a pattern that is found again, by whichever worker."""
    name = f"zmarty:pattern:{symbol}:{timeframe}:{pattern.kind}:{pattern.started_at.isoformat()}"
    return uuid5(NAMESPACE_URL, name)


def _found(material: Material, pattern: Pattern, now: datetime) -> FoundPattern:
    timeframe = material.timeframe
    # Said later than one candle after its close, a pattern could not have been acted on.
    late = now - timeframe.closed_at(pattern.detected_opened_at) >= timeframe.delta
    return FoundPattern(
        pattern_id(material.symbol, timeframe, pattern), "backfill" if late else "live", pattern
    )


def _as_unjudged(found: Sequence[FoundPattern]) -> pl.DataFrame:
    rows = [
        {
            "pattern_id": str(one.id),
            "opened_at": one.pattern.detected_opened_at,
            "kind": one.pattern.kind,
            "origin": one.origin,
            "direction": one.pattern.direction,
            "entry_price": one.pattern.price_levels["entry"],
            "stop_price": one.pattern.price_levels["invalidation"],
            "target_price": one.pattern.price_levels["target"],
        }
        for one in found
    ]
    return pl.DataFrame(rows, schema=UNJUDGED)
