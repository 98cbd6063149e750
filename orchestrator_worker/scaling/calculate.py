"""The next step of a ladder with all its numbers, or the rule that refuses it. Pure."""

from dataclasses import asdict
from typing import Any

from orchestrator_worker.scaling.guardrails import distance_left, refusals
from orchestrator_worker.scaling.ladder import (
    RUIN_CYCLES,
    RUIN_DRAWDOWN,
    TAKE_PROFIT_MULTIPLE,
    TAKE_PROFIT_SHARE,
    TRAIL,
    Position,
    Rung,
    customer_ladder,
    default_ladder,
    position_of,
    ruin_of,
)
from orchestrator_worker.scaling.liquidation import rule_of_thumb
from zmarty.specs import ScalingSpec


def calculate(spec: ScalingSpec) -> dict[str, Any]:
    """Answer as JSON: `allowed`, the first `rule` that refuses and all `refusals`, the step, the ladder and its ruin."""
    ladder = (
        customer_ladder(spec.equity, side=spec.direction)
        if spec.preset == "customer"
        else default_ladder(spec.equity, leverage=spec.leverage, steps=spec.steps_max, side=spec.direction)
    )
    step = ladder[len(spec.steps)] if len(spec.steps) < len(ladder) else None
    taken = [(one.margin, one.leverage, one.price) for one in spec.steps]
    position = position_of(taken, side=spec.direction) if taken else None
    refused = refusals(spec, step=step, ladder=ladder, position=position)
    after = None
    if step is not None and spec.price is not None:
        after = position_of([*taken, (step.margin, step.leverage, spec.price)], side=spec.direction)
    reserved = ladder[-1].margin_total / spec.equity
    ruin, at_least = ruin_of(reserved)
    return {
        "allowed": not refused,
        "rule": refused[0].rule if refused else None,
        "sentence": refused[0].sentence if refused else "Every rule allows this step.",
        "refusals": [asdict(one) for one in refused],
        "step": asdict(step) if step else None,
        "position": _told(position, spec) if position else None,
        "after": _told(after, spec) if after else None,
        "ladder": [_rung(rung) for rung in ladder],
        "reserved": reserved,
        "take_profit": {
            "margin_multiple": TAKE_PROFIT_MULTIPLE,
            "close_share": TAKE_PROFIT_SHARE,
            "trail": TRAIL,
        },
        "ruin": {
            "probability": ruin,
            "at_least": at_least,
            "drawdown": RUIN_DRAWDOWN,
            "cycles": RUIN_CYCLES,
        },
    }


def _rung(rung: Rung) -> dict[str, Any]:
    return {
        **asdict(rung),
        "rule_of_thumb_distance": rule_of_thumb(margin=rung.margin_total, notional=rung.notional_total),
    }


def _told(position: Position, spec: ScalingSpec) -> dict[str, Any]:
    return {
        **asdict(position),
        "leverage": position.leverage,
        "distance_left": None if spec.price is None else distance_left(position, spec.price),
    }
