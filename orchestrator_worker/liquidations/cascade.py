"""What a map of clusters threatens at a price: cascade risk, hits, and the pattern of its sides (FACTS §14). Pure.

**Cascade risk** = Σ max(0, 100 − distance %)/100 · min(notional/critical, 1) · 50 over all clusters whose notional is
known, at most 100. Above 70 it is high, above 40 medium, above 20 low, else none. Critical and warn notional, in dollars:
BTC 5M and 2M, ETH 3M and 1M, others 1M and 0.5M.

**Hit**: the price is within ±0.2 % of a cluster.

**Patterns**, our own published rule: A and B are the notionals within 5 % above and below the price.
`long_squeeze` when B is at least two thirds of A + B and the clusters within 2 % below hold the critical notional: a small fall
closes longs, whose selling feeds it. `short_squeeze` is its mirror image. `pull_up` and `pull_down` when one side holds two thirds
without that much close by: price tends to visit where it would be filled. `balanced` when neither does; None without any.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from orchestrator_worker.sources.readings import Cluster

Band: TypeAlias = Literal["high", "medium", "low", "none"]

CRITICAL = {"BTC": 5_000_000.0, "ETH": 3_000_000.0}
CRITICAL_OTHER = 1_000_000.0
WARN = {"BTC": 2_000_000.0, "ETH": 1_000_000.0}
WARN_OTHER = 500_000.0

CLUSTER_POINTS = 50.0
RISK_MAX = 100.0
BANDS: tuple[tuple[float, Band], ...] = ((70.0, "high"), (40.0, "medium"), (20.0, "low"))

HIT_SHARE = 0.002
# 43,086 is exactly 0.2 % above 43,000, but not in binary.
HIT_TOLERANCE = 1e-12
NEAR_PERCENT = 5.0
SQUEEZE_PERCENT = 2.0
DOMINANT_SHARE = 2 / 3

# Where one size ends and the next begins, as shares of the critical notional.
SIZES: tuple[tuple[float, str], ...] = ((0.2, "small"), (0.6, "medium"), (1.5, "large"))
LARGEST = "xlarge"
SIZE_WORDS = (*(word for _, word in SIZES), LARGEST)


@dataclass(frozen=True, slots=True)
class Cascade:
    """The risk and its parts. `risk` and `band` are None where no cluster of the map says how much it holds."""

    risk: float | None
    band: Band | None
    above: float
    below: float
    critical: int
    warn: int
    unknown: int
    critical_notional: float
    warn_notional: float


@dataclass(frozen=True, slots=True)
class Pattern:
    """How the map leans around the price, with the notionals it rests on."""

    kind: Literal["long_squeeze", "short_squeeze", "pull_up", "pull_down", "balanced"] | None
    near_above: float
    near_below: float
    close_above: float
    close_below: float


def critical_notional(base: str) -> float:
    """From how many dollars on a cluster of this base currency is critical."""
    return CRITICAL.get(base, CRITICAL_OTHER)


def warn_notional(base: str) -> float:
    return WARN.get(base, WARN_OTHER)


def size_of(notional: float, base: str) -> str:
    """The word for a notional in dollars: small, medium, large or xlarge."""
    share = notional / critical_notional(base)
    return next((word for bound, word in SIZES if share < bound), LARGEST)


def distance_percent(cluster: Cluster, price: float) -> float:
    """How far the cluster is from the price, in percent of the price, never negative."""
    return abs(float(cluster.price) - price) / price * 100


def is_hit(cluster: Cluster, price: float) -> bool:
    return abs(price / float(cluster.price) - 1) <= HIT_SHARE + HIT_TOLERANCE


def cascade_of(clusters: Sequence[Cluster], price: float, base: str) -> Cascade:
    """The cascade risk of a map at a positive price."""
    critical, warn = critical_notional(base), warn_notional(base)
    parts = {"above": 0.0, "below": 0.0}
    known = [(cluster, float(cluster.notional)) for cluster in clusters if cluster.notional is not None]
    for cluster, notional in known:
        closeness = max(0.0, 100 - distance_percent(cluster, price)) / 100
        parts[cluster.side] += closeness * min(notional / critical, 1.0) * CLUSTER_POINTS
    # A map without any number threatens an unknown amount, which is not none.
    risk = min(RISK_MAX, sum(parts.values())) if known or not clusters else None
    return Cascade(
        risk=risk,
        band=None if risk is None else band_of(risk),
        above=parts["above"],
        below=parts["below"],
        critical=sum(notional >= critical for _, notional in known),
        warn=sum(warn <= notional < critical for _, notional in known),
        unknown=len(clusters) - len(known),
        critical_notional=critical,
        warn_notional=warn,
    )


def band_of(risk: float) -> Band:
    return next((band for bound, band in BANDS if risk > bound), "none")


def pattern_of(clusters: Sequence[Cluster], price: float, base: str) -> Pattern:
    """The pattern of a map at a positive price, by the rule that the module states."""
    near_above, near_below = (
        _held(clusters, "above", price, NEAR_PERCENT),
        _held(clusters, "below", price, NEAR_PERCENT),
    )
    close_above = _held(clusters, "above", price, SQUEEZE_PERCENT)
    close_below = _held(clusters, "below", price, SQUEEZE_PERCENT)
    held: dict[str, Any] = {
        "near_above": near_above,
        "near_below": near_below,
        "close_above": close_above,
        "close_below": close_below,
    }
    both = near_above + near_below
    if not both:
        return Pattern(kind=None, **held)
    if near_below >= DOMINANT_SHARE * both:
        return Pattern(kind="long_squeeze" if close_below >= critical_notional(base) else "pull_down", **held)
    if near_above >= DOMINANT_SHARE * both:
        return Pattern(kind="short_squeeze" if close_above >= critical_notional(base) else "pull_up", **held)
    return Pattern(kind="balanced", **held)


def _held(clusters: Sequence[Cluster], side: str, price: float, within_percent: float) -> float:
    return sum(
        float(cluster.notional)
        for cluster in clusters
        if cluster.side == side
        and cluster.notional is not None
        and distance_percent(cluster, price) <= within_percent
    )
