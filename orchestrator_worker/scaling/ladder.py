"""Doubling ladders: how much each step puts in, what the whole position then bears, and where it takes profit. Pure.

The whole ladder is reserved before its first step. How much may be reserved depends on leverage, because what a ladder
wins in thirty-one cycles one loss takes back: above 3x two percent of the equity, up to 3x ten, unleveraged twenty-five.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from orchestrator_worker.scaling.liquidation import TIERS, Side, Tier, distance

STEPS_DEFAULT = 3
STEPS_MAX = 5

# Leverage up to which a share of the equity may be reserved.
RESERVES = ((1.0, 0.25), (3.0, 0.10), (float("inf"), 0.02))

# The customer's own percentages of the vault and leverages, an operator's choice, and the most they may add up to.
CUSTOMER_STEPS = ((0.02, 20.0), (0.04, 10.0), (0.08, 5.0), (0.16, 2.0))
CUSTOMER_CAP = 0.45

# Measured on real prices: how likely 100 cycles of a 20x/10x/5x ladder draw the account down by 30 % or more, by the
# share of the equity that a ladder puts in.
RUIN_CYCLES = 100
RUIN_DRAWDOWN = 0.30
RUIN_MEASURED = ((0.02, 0.016), (0.05, 0.57), (0.10, 0.96))

# Profit is taken when the margin is worth this multiple of what was put in.
TAKE_PROFIT_MULTIPLE = 1.75
TAKE_PROFIT_SHARE = 0.5
TRAIL = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """One step of a ladder and the whole position after it. Margins and notionals in the quote currency."""

    number: int
    margin: float
    leverage: float
    notional: float
    margin_total: float
    notional_total: float
    liquidation_distance: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """Steps taken, put together. `average_price` is what one unit cost; prices in the quote currency."""

    margin: float
    notional: float
    average_price: float
    liquidation_price: float
    liquidation_distance: float
    take_profit_price: float

    @property
    def leverage(self) -> float:
        return self.notional / self.margin


def reserve_max(leverage: float) -> float:
    """The share of the equity that a whole ladder may put in at this leverage."""
    return next(share for bound, share in RESERVES if leverage <= bound)


def default_ladder(
    equity: float, *, leverage: float, steps: int = STEPS_DEFAULT, side: Side = "long"
) -> list[Rung]:
    """Margins that double from step to step and add up to the reserve, all at one leverage."""
    assert 1 <= steps <= STEPS_MAX, "a ladder has one to five steps"
    unit = equity * reserve_max(leverage) / (2**steps - 1)
    return rungs([(unit * 2**step, leverage) for step in range(steps)], side=side)


def customer_ladder(equity: float, *, side: Side = "long") -> list[Rung]:
    return rungs([(equity * share, leverage) for share, leverage in CUSTOMER_STEPS], side=side)


def rungs(
    steps: Sequence[tuple[float, float]], *, side: Side = "long", tiers: tuple[Tier, ...] = TIERS
) -> list[Rung]:
    """The steps (margin, leverage) with what they add up to, as if all were bought at one price."""
    made: list[Rung] = []
    margin_total = notional_total = 0.0
    for number, (margin, leverage) in enumerate(steps, start=1):
        margin_total += margin
        notional_total += margin * leverage
        made.append(
            Rung(
                number=number,
                margin=margin,
                leverage=leverage,
                notional=margin * leverage,
                margin_total=margin_total,
                notional_total=notional_total,
                liquidation_distance=distance(
                    margin=margin_total, notional=notional_total, side=side, tiers=tiers
                ),
            )
        )
    return made


def position_of(
    steps: Sequence[tuple[float, float, float]], *, side: Side = "long", tiers: tuple[Tier, ...] = TIERS
) -> Position:
    """The position that steps (margin, leverage, price) make; recomputed after each doubling, profit taking included."""
    assert steps, "a position has a step"
    margin = sum(step[0] for step in steps)
    notional = sum(step[0] * step[1] for step in steps)
    units = sum(step[0] * step[1] / step[2] for step in steps)
    average = notional / units
    away = distance(margin=margin, notional=notional, side=side, tiers=tiers)
    sign = 1.0 if side == "long" else -1.0
    return Position(
        margin=margin,
        notional=notional,
        average_price=average,
        liquidation_price=average * (1.0 - sign * away),
        liquidation_distance=away,
        take_profit_price=average * (1.0 + sign * (TAKE_PROFIT_MULTIPLE - 1.0) * margin / notional),
    )


def ruin_of(share: float) -> tuple[float, bool]:
    """How likely a ladder that puts in this share of the equity ruins the account, and whether it is only a lower bound.

    Between the measured shares linear in the share; beyond the largest one at least what was measured there.
    """
    before_share, before = 0.0, 0.0
    for measured_share, probability in RUIN_MEASURED:
        if share <= measured_share:
            part = (share - before_share) / (measured_share - before_share)
            return before + part * (probability - before), False
        before_share, before = measured_share, probability
    return before, True
