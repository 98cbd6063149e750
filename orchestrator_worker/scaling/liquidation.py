"""How far a leveraged position is from its liquidation, by the maintenance margin that exchanges ask for. Pure.

    distance of a long  = 1 − (1 − 1/L) / (1 − m)     distance of a short = (1 + 1/L) / (1 + m) − 1

with leverage L and maintenance rate m of the position's notional. Each tier's amount keeps the requirement continuous
(maintenance = notional · rate − amount), as exchanges publish it. 1/L alone, the usual rule of thumb, says that a
position at 100x bears twice of what it bears.
"""

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias

Side: TypeAlias = Literal["long", "short"]


@dataclass(frozen=True, slots=True)
class Tier:
    """Up to `notional_max` (quote currency), an exchange asks for `rate` of the notional less `amount`."""

    notional_max: float
    rate: float
    amount: float


def _continuous(*steps: tuple[float, float]) -> tuple[Tier, ...]:
    tiers, amount, floor, before = [], 0.0, 0.0, steps[0][1]
    for notional_max, rate in steps:
        amount += floor * (rate - before)
        tiers.append(Tier(notional_max, rate, amount))
        floor, before = notional_max, rate
    return tuple(tiers)


# Binance USDⓈ-M BTCUSDT, as published in 2025. Operators may pass their exchange's own.
TIERS: tuple[Tier, ...] = _continuous(
    (50_000.0, 0.004),
    (600_000.0, 0.005),
    (3_000_000.0, 0.01),
    (12_000_000.0, 0.025),
    (70_000_000.0, 0.05),
    (100_000_000.0, 0.1),
    (math.inf, 0.125),
)


def maintenance(notional: float, tiers: tuple[Tier, ...] = TIERS) -> float:
    """The margin below which a position of this notional is liquidated, in the quote currency."""
    tier = next(tier for tier in tiers if notional <= tier.notional_max)
    return notional * tier.rate - tier.amount


def distance(
    *, margin: float, notional: float, side: Side = "long", tiers: tuple[Tier, ...] = TIERS
) -> float:
    """How far the price may move against an isolated position before it is liquidated, as a fraction of the entry.

    Unleveraged longs (margin ≥ notional) reach 1: only a price of zero ends them. Never below 0.
    """
    assert margin > 0.0 and notional > 0.0, "a position has a margin and a notional"
    rate = maintenance(notional, tiers) / notional
    inverse = margin / notional
    if side == "long":
        return min(max(1.0 - (1.0 - inverse) / (1.0 - rate), 0.0), 1.0)
    return max((1.0 + inverse) / (1.0 + rate) - 1.0, 0.0)


def rule_of_thumb(*, margin: float, notional: float) -> float:
    """0.95 / leverage: the customer's own estimate, shown beside ours in his preset."""
    return 0.95 * margin / notional
