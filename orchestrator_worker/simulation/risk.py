"""What a planned trade has risked whenever it could have been entered: a distribution with its count. Pure.

| number | formula | unit |
|---|---|---|
| value_at_risk | −quantile(return_net, 1 − level): historical simulation | fraction of the price |
| expected_shortfall | −mean of the returns at or below that quantile (Acerbi & Tasche 2002) | fraction of the price |
| stop_first, target_first | share of trades that met that barrier first; Wilson's 95 % on n_effective | fraction |
| adverse_quantiles | how far the price went against the entry within the horizon, nobody stopping it | fraction |
| liquidated | share of entries whose adverse way within the horizon reaches the liquidation distance of a leverage | fraction |
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from orchestrator_worker.indicators.technical import indicators_of
from orchestrator_worker.scaling.liquidation import distance
from orchestrator_worker.signals.costs import ROUND_TRIP
from orchestrator_worker.signals.levels import STOP_ATR, TARGET_ATR
from orchestrator_worker.simulation.replay import OPEN, race
from orchestrator_worker.simulation.simulate import TESTED_BARS_MIN, Answer
from orchestrator_worker.simulation.soundness import NotEnoughData
from orchestrator_worker.simulation.strategies import History
from orchestrator_worker.win_rates.outcomes import Horizon
from orchestrator_worker.win_rates.tally import effective_count, wilson
from zmarty.errors import FieldInvalid
from zmarty.specs import AssessRiskSpec

LEVELS = (0.95, 0.99)
QUANTILES = (0.5, 0.75, 0.9, 0.95, 0.99)
LEVERAGES = (1, 2, 3, 5, 10, 20, 50, 100)
# ATR(14) no longer shows where the history was cut after this many bars.
WARM_UP_BARS = 300
# A margin of this many units of quote currency stands for a small position: the lowest tier of maintenance.
MARGIN = 100.0
# Barriers that no price meets: what is left is the way of the price itself.
NEVER_BELOW, NEVER_ABOVE = 1e-9, 1e12


def bars_needed() -> int:
    return WARM_UP_BARS + TESTED_BARS_MIN


def assess_risk(history: History, spec: AssessRiskSpec, answer: Answer) -> Iterator[float]:
    """Enter the planned trade on every bar and tell what came of it; yields the share done.

    Raises NotEnoughData, and FieldInvalid when a level lies on the wrong side of the newest close.
    """
    candles, timeframe = history.candles, history.timeframe
    if candles.height < bars_needed():
        raise NotEnoughData(candles.height, bars_needed(), f"{timeframe} candles")
    plan = _plan(history, spec)
    horizon = Horizon.of(timeframe)
    stop, target = plan["stop_fraction"], plan["target_fraction"]
    bars = candles.slice(WARM_UP_BARS)
    yield 0.2
    judged = race(
        _planned(bars, spec.direction, stop, target),
        candles,
        timeframe=timeframe,
        horizon=horizon,
        round_trip=ROUND_TRIP,
    ).filter(pl.col("reason") != OPEN)
    yield 0.5
    ways = race(
        _everything_open(bars, spec.direction),
        candles,
        timeframe=timeframe,
        horizon=horizon,
        round_trip=ROUND_TRIP,
    ).filter(pl.col("reason") != OPEN)
    yield 0.9
    if judged.is_empty() or ways.is_empty():
        raise NotEnoughData(0, 1, f"ended trades of {horizon} on {timeframe} candles")
    answer.document |= {
        "plan": plan,
        "horizon": str(horizon),
        "tested_from": bars["opened_at"][0],
        "tested_until": timeframe.closed_at(candles["opened_at"][-1]),
        **_distribution(judged, history),
        "adverse_quantiles": _quantiles(ways["mae"].to_numpy()),
        "favourable_quantiles": _quantiles(ways["mfe"].to_numpy()),
        "leverage": _by_leverage(ways["mae"].to_numpy(), spec.direction),
    }


def _plan(history: History, spec: AssessRiskSpec) -> dict[str, Any]:
    """Entry, stop and target as they were given, or as our signals would set them at the newest close."""
    newest = indicators_of(history.candles.tail(WARM_UP_BARS * 2)).row(-1, named=True)
    close, atr = newest["close"], newest["atr_14"]
    side = 1.0 if spec.direction == "long" else -1.0
    entry = spec.entry or close
    if spec.stop is None and not atr:
        raise FieldInvalid("stop", "must be given: the market stands still, so no ATR can set it")
    stop = spec.stop or entry - side * STOP_ATR * atr
    if (entry - stop) * side <= 0 or stop <= 0:
        raise FieldInvalid("stop", f"must lie {'below' if side > 0 else 'above'} the entry {entry:g}")
    target = spec.target or entry + side * abs(entry - stop) * TARGET_ATR / STOP_ATR
    if (target - entry) * side <= 0 or target <= 0:
        raise FieldInvalid("target", f"must lie {'above' if side > 0 else 'below'} the entry {entry:g}")
    notional = None if spec.size is None else spec.size * entry
    lost = abs(entry - stop) / entry + ROUND_TRIP
    return {
        "direction": spec.direction,
        "entry": entry,
        "stop": stop,
        "target": target,
        "stop_fraction": abs(entry - stop) / entry,
        "target_fraction": abs(target - entry) / entry,
        "round_trip": ROUND_TRIP,
        "size": spec.size,
        "equity": spec.equity,
        "notional": notional,
        "loss_at_stop": None if notional is None else notional * lost,
        "loss_of_equity": None if notional is None or not spec.equity else notional * lost / spec.equity,
        "leverage": None if notional is None or not spec.equity else notional / spec.equity,
    }


def _planned(bars: pl.DataFrame, direction: str, stop: float, target: float) -> pl.DataFrame:
    side = 1.0 if direction == "long" else -1.0
    close = pl.col("close")
    return bars.select(
        "opened_at",
        direction=pl.lit(direction),
        entry_price=close,
        stop_price=close * (1.0 - side * stop),
        target_price=close * (1.0 + side * target),
    )


def _everything_open(bars: pl.DataFrame, direction: str) -> pl.DataFrame:
    low, high = pl.lit(NEVER_BELOW), pl.lit(NEVER_ABOVE)
    return bars.select(
        "opened_at",
        direction=pl.lit(direction),
        entry_price="close",
        stop_price=low if direction == "long" else high,
        target_price=high if direction == "long" else low,
    )


def _distribution(judged: pl.DataFrame, history: History) -> dict[str, Any]:
    n = judged.height
    n_effective = effective_count(judged.select("opened_at", closed_at="exited_at"), history.timeframe)
    returned = judged["return_net"].to_numpy()
    told: dict[str, Any] = {"n": n, "n_effective": n_effective}
    for name, reason in (("stop_first", "stop"), ("target_first", "target"), ("expired", "expiry")):
        share = judged.filter(pl.col("reason") == reason).height / n
        low, high = wilson(share * n_effective, n_effective)
        told[name] = {"probability": share, "low": low, "high": high}
    told["expectancy"] = float(returned.mean())
    for level in LEVELS:
        threshold = float(np.quantile(returned, 1.0 - level))
        told[f"value_at_risk_{level:.0%}".rstrip("%")] = -threshold
        told[f"expected_shortfall_{level:.0%}".rstrip("%")] = -float(returned[returned <= threshold].mean())
    return told


def _quantiles(values: npt.NDArray[np.float64]) -> dict[str, float]:
    return {f"{share:.0%}".rstrip("%"): float(np.quantile(values, share)) for share in QUANTILES}


def _by_leverage(adverse: npt.NDArray[np.float64], direction: str) -> list[dict[str, float]]:
    rows = []
    for leverage in LEVERAGES:
        side = "short" if direction == "short" else "long"
        away = distance(margin=MARGIN, notional=MARGIN * leverage, side=side)  # type: ignore[arg-type]
        rows.append(
            {
                "leverage": float(leverage),
                "liquidation_distance": away,
                "liquidated": float((adverse >= away).mean()),
            }
        )
    return rows
