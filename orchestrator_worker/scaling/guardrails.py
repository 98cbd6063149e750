"""The rules that a step must pass before anybody may take it: each has a stable code, a limit and a sentence. Pure.

A rule that is not told what it must know refuses: what nobody measured is no reason to risk more. Where the customer's
rules and what was measured on real prices differ, the measured ones hold (FACTS §19).
"""

from collections.abc import Iterator
from dataclasses import dataclass

from orchestrator_worker.scaling.ladder import CUSTOMER_CAP, Position, Rung, reserve_max
from zmarty.specs import ScalingSpec

MARKET_AGAINST = {"long": "trending_down", "short": "trending_up"}

POSITIONS_MAX = 2
POSITION_SHARE_MAX = 0.10
QUALITY_STEP_MIN = 0.1
COOLDOWN_SECONDS = 3_600.0
VOLATILITY_MAX = 0.05
STEP_ATR_MIN = 1.5
STEP_SHARE_MIN = 0.015
DISTANCE_LEFT_MIN = 0.30
DAILY_LOSS_MAX = 0.03
DRAWDOWN_PAUSE = 0.10
DRAWDOWN_PAUSE_DAYS = 7.0
DRAWDOWN_MAX = 0.20
LADDER_LOSSES_MAX = 3
# The customer doubles when this much of the margin is lost, or a cluster is hit with liquidation this near.
LOSS_DUE = 0.80
CLUSTER_NEAR_LEFT = 0.5
# Sums of shares carry residue in the last digit.
EPSILON = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A rule that says no: what it saw (None: it was not told) and the limit it holds."""

    rule: str
    sentence: str
    value: float | None = None
    limit: float | None = None


def refusals(
    spec: ScalingSpec, *, step: Rung | None, ladder: list[Rung], position: Position | None
) -> list[Refusal]:
    """Every rule that refuses, the most general first. An empty list allows the step."""
    found = [*_switches(spec), *_account(spec), *_market(spec), *_sizes(spec, step, ladder, position)]
    if _action(spec) == "increase":
        found += _increase(spec, position)
    return found


def _action(spec: ScalingSpec) -> str:
    return spec.action or ("increase" if spec.steps else "open")


def _switches(spec: ScalingSpec) -> Iterator[Refusal]:
    if not spec.enabled:
        yield Refusal(rule="scaling_off", sentence="Scaling is off; its owner has not turned it on.")
    if spec.preset == "customer" and not spec.by_operator:
        yield Refusal(
            rule="preset_needs_operator",
            sentence="This ladder puts in more than the measured limits allow; only an operator may choose it.",
        )
    if _action(spec) == "open" and spec.steps:
        yield Refusal(
            rule="position_exists", sentence="There is a position already; it can only be increased."
        )
    if _action(spec) == "increase" and not spec.steps:
        yield Refusal(rule="no_position", sentence="There is no position to increase.")
    if spec.stop_price is None and not (spec.stop_waived and spec.by_operator):
        yield Refusal(rule="stop_missing", sentence="A position needs a stop unless an operator waives it.")


def _account(spec: ScalingSpec) -> Iterator[Refusal]:
    if spec.daily_loss is None or spec.daily_loss >= DAILY_LOSS_MAX:
        yield _limited(
            "daily_loss",
            spec.daily_loss,
            DAILY_LOSS_MAX,
            "Today's loss is {value:.1%}; from {limit:.0%} on no step is taken.",
        )
    if spec.drawdown is None or spec.drawdown >= DRAWDOWN_MAX:
        yield _limited(
            "drawdown_max",
            spec.drawdown,
            DRAWDOWN_MAX,
            "The account is {value:.1%} below its peak; from {limit:.0%} on automation is off.",
        )
    elif spec.drawdown >= DRAWDOWN_PAUSE or (
        spec.days_since_drawdown is not None and spec.days_since_drawdown < DRAWDOWN_PAUSE_DAYS
    ):
        yield Refusal(
            rule="drawdown_pause",
            sentence=f"The account was {DRAWDOWN_PAUSE:.0%} below its peak within {DRAWDOWN_PAUSE_DAYS:.0f} days; scaling is off for that long.",
            value=spec.drawdown,
            limit=DRAWDOWN_PAUSE,
        )
    losses = spec.ladder_losses_14d
    if losses is None or losses >= LADDER_LOSSES_MAX:
        yield _limited(
            "ladder_losses",
            losses,
            LADDER_LOSSES_MAX,
            "{value:.0f} ladders were lost within 14 days; {limit:.0f} turn scaling off.",
        )
    already = spec.open_positions if spec.steps else spec.open_positions + 1
    if already > POSITIONS_MAX:
        yield _limited(
            "positions_max",
            already,
            POSITIONS_MAX,
            "The vault would hold {value:.0f} positions; {limit:.0f} are allowed.",
        )


def _market(spec: ScalingSpec) -> Iterator[Refusal]:
    if spec.candle_closed is not True:
        yield Refusal(rule="unclosed_candle", sentence="Steps are decided on closed candles only.")
    if spec.volatility is None or spec.volatility > VOLATILITY_MAX:
        yield _limited(
            "volatility",
            spec.volatility,
            VOLATILITY_MAX,
            "Volatility is {value:.1%} a day; above {limit:.0%} no step is taken.",
        )
    if spec.market_condition == MARKET_AGAINST[spec.direction]:
        yield Refusal(
            rule="market_against",
            sentence=f"The market is {spec.market_condition.replace('_', ' ')}; a {spec.direction} is not scaled against it.",
        )


def _sizes(
    spec: ScalingSpec, step: Rung | None, ladder: list[Rung], position: Position | None
) -> Iterator[Refusal]:
    if step is None:
        yield Refusal(
            rule="steps_max",
            sentence=f"All {len(ladder)} steps of the ladder are taken.",
            value=float(len(spec.steps)),
            limit=float(len(ladder)),
        )
    allowed = (
        CUSTOMER_CAP
        if spec.preset == "customer" and spec.by_operator
        else reserve_max(max(rung.leverage for rung in ladder))
    )
    taken = sum(taken.margin for taken in spec.steps)
    later = ladder[len(spec.steps) :]
    reserved = max(ladder[-1].margin_total, taken + sum(rung.margin for rung in later)) / spec.equity
    if reserved > allowed * (1.0 + EPSILON):
        yield _limited(
            "reserve",
            reserved,
            allowed,
            "The whole ladder would put in {value:.1%} of the equity; {limit:.0%} may be reserved at this leverage.",
        )
    portfolio = spec.portfolio_equity or spec.equity
    share = (taken + (step.margin if step else 0.0)) / portfolio
    if share > POSITION_SHARE_MAX * (1.0 + EPSILON):
        yield _limited(
            "position_share",
            share,
            POSITION_SHARE_MAX,
            "The position would be {value:.1%} of the portfolio; {limit:.0%} is the most.",
        )


def _increase(spec: ScalingSpec, position: Position | None) -> Iterator[Refusal]:
    improved = None if spec.quality_before is None else spec.signal_quality - spec.quality_before
    if improved is None or improved < QUALITY_STEP_MIN - EPSILON:
        yield _limited(
            "score_not_improved",
            improved,
            QUALITY_STEP_MIN,
            "The score improved by {value:+.2f} since the last increase; {limit:+.2f} is asked for.",
        )
    since = spec.seconds_since_increase
    if since is None or since < COOLDOWN_SECONDS:
        yield _limited(
            "cooldown",
            since,
            COOLDOWN_SECONDS,
            "The last increase was {value:.0f} seconds ago; {limit:.0f} must pass.",
        )
    if position is None:
        return
    if spec.price is None or spec.atr is None:
        yield Refusal(rule="step_distance", sentence="Price and ATR must be known before a step is weighed.")
        return
    sign = 1.0 if spec.direction == "long" else -1.0
    last = spec.steps[-1].price
    moved = sign * (last - spec.price) / last
    needed = max(STEP_ATR_MIN * spec.atr / last, STEP_SHARE_MIN)
    if moved < needed - EPSILON:
        yield _limited(
            "step_distance",
            moved,
            needed,
            "The price moved {value:+.2%} against the last step; {limit:.2%} is the least.",
        )
    left = distance_left(position, spec.price)
    if left < DISTANCE_LEFT_MIN:
        yield _limited(
            "liquidation_near",
            left,
            DISTANCE_LEFT_MIN,
            "{value:.0%} of the way to liquidation is left; a step needs {limit:.0%}.",
        )
    if spec.preset == "customer":
        lost = margin_lost(position, spec.price, sign)
        if lost < LOSS_DUE and not (spec.cluster_hit and left <= CLUSTER_NEAR_LEFT):
            yield _limited(
                "step_not_due",
                lost,
                LOSS_DUE,
                "{value:.0%} of the margin is lost and no cluster near liquidation is hit; a step is due at {limit:.0%}.",
            )


def distance_left(position: Position, price: float) -> float:
    """The share of the way from the average price to liquidation that the price has not yet gone; 1 and more in profit."""
    whole = position.average_price - position.liquidation_price
    return (price - position.liquidation_price) / whole if whole else 0.0


def margin_lost(position: Position, price: float, sign: float) -> float:
    """The share of the margin that is lost at this price; negative in profit."""
    moved = sign * (position.average_price - price) / position.average_price
    return moved * position.notional / position.margin


def _limited(rule: str, value: float | None, limit: float, sentence: str) -> Refusal:
    if value is None:
        return Refusal(rule=rule, sentence="What this rule must know was not told.", limit=float(limit))
    return Refusal(
        rule=rule, sentence=sentence.format(value=value, limit=limit), value=float(value), limit=float(limit)
    )
