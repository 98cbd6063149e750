"""What a replay amounts to, in numbers that never come without how many trades they rest on. Pure.

| number | formula | unit |
|---|---|---|
| win_rate | targets / trades; interval: Wilson (1927), 95 %, on `n_effective` | fraction |
| n_effective | sum of average uniquenesses (López de Prado, Advances in Financial Machine Learning, 2018, ch. 4) | trades |
| profitable | trades with return_net > 0 / trades | fraction |
| profit_factor | Σ gains / Σ losses of return_net | ratio |
| expectancy, expectancy_r | mean of return_net, of r_multiple | fraction of the price paid, R |
| sharpe | mean / standard deviation (ddof 1) of period returns · √periods a year, risk-free rate 0 (Sharpe 1994) | a year |
| sortino | mean / √mean(min(return, 0)²) of the same · √periods a year, target 0 (Sortino & Price 1994) | a year |
| max_drawdown | max over time of 1 − equity / highest equity before | fraction |
| max_drawdown_days | longest time that passed after a peak without reaching it again | days |
| exposure | bars with a position at some time / bars | fraction |
| cagr | (last / first equity)^(365.25 days / span) − 1; null below 30 days | a year |

A period is a UTC day, a week on weekly candles, because returns of single bars are too dependent to annualise.
"""

from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import numpy.typing as npt
import polars as pl

from orchestrator_worker.simulation.replay import OPEN
from orchestrator_worker.win_rates.tally import effective_count, wilson
from zmarty.market import Timeframe

Floats = npt.NDArray[np.float64]

DAYS_A_YEAR = 365.25
# Fewer returns have no deviation worth a name.
PERIODS_MIN = 20
# A month's growth drawn out over a year says nothing.
SPAN_DAYS_MIN = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """Fields are explained, with their formulas, in the module's own words. Null where there is too little to say."""

    n: int
    n_effective: float
    targets: int
    stops: int
    expired: int
    open: int
    ambiguous: int
    longs: int
    win_rate: float | None
    win_rate_low: float | None
    win_rate_high: float | None
    profitable: float | None
    profit_factor: float | None
    expectancy: float | None
    expectancy_r: float | None
    best: float | None
    worst: float | None
    mean_mfe: float | None
    mean_mae: float | None
    mean_bars: float | None
    equity_start: float
    equity_end: float
    total_return: float
    cagr: float | None
    sharpe: float | None
    sortino: float | None
    max_drawdown: float
    max_drawdown_days: float
    exposure: float
    bars: int
    hold_return: float
    hold_max_drawdown: float


def statistics_of(
    trades: pl.DataFrame,
    curve: pl.DataFrame,
    candles: pl.DataFrame,
    *,
    timeframe: Timeframe,
    equity_start: float,
    round_trip: float,
) -> Statistics:
    """Measure a replay over the bars of its curve. `candles` reach at least over them; the last one ends both.

    Holding is bought at the open of the curve's first bar and sold at its last close, the same costs included.
    """
    n = trades.height
    ended = trades.filter(pl.col("reason") != OPEN)
    reasons = {
        reason: trades.filter(pl.col("reason") == reason).height
        for reason in ("target", "stop", "expiry", OPEN)
    }
    counted = ended.select("opened_at", closed_at="exited_at")
    n_effective = effective_count(counted, timeframe)
    rate = reasons["target"] / ended.height if ended.height else None
    low, high = wilson(rate * n_effective, n_effective) if rate is not None else (None, None)
    returned = trades["return_net"]
    gained, lost = float(returned.clip(lower_bound=0.0).sum()), -float(returned.clip(upper_bound=0.0).sum())
    equity = np.concatenate([[equity_start], curve["equity"].to_numpy()])
    depth, longest = drawdown(equity)
    tested = candles.tail(curve.height)
    held = held_equity(tested, equity_start, round_trip)
    span = curve.height * timeframe.delta
    sharpe, sortino = ratios(curve, equity_start, timeframe)
    return Statistics(
        n=n,
        n_effective=n_effective,
        targets=reasons["target"],
        stops=reasons["stop"],
        expired=reasons["expiry"],
        open=reasons[OPEN],
        ambiguous=int(trades["ambiguous"].sum()),
        longs=trades.filter(pl.col("direction") == "long").height,
        win_rate=rate,
        win_rate_low=low,
        win_rate_high=high,
        profitable=trades.filter(returned > 0).height / n if n else None,
        profit_factor=gained / lost if lost > 0.0 else None,
        expectancy=_mean(returned),
        expectancy_r=_mean(trades["r_multiple"]),
        best=_number(returned.max()),
        worst=_number(returned.min()),
        mean_mfe=_mean(trades["mfe"]),
        mean_mae=_mean(trades["mae"]),
        mean_bars=_mean(trades["bars"]),
        equity_start=equity_start,
        equity_end=float(equity[-1]),
        total_return=float(equity[-1]) / equity_start - 1.0,
        cagr=_yearly(float(equity[-1]) / equity_start, span),
        sharpe=sharpe,
        sortino=sortino,
        max_drawdown=depth,
        max_drawdown_days=longest * timeframe.seconds / 86_400,
        exposure=float((curve["positions"] > 0).mean() or 0.0),  # type: ignore[arg-type]
        bars=curve.height,
        hold_return=float(held[-1]) / equity_start - 1.0,
        hold_max_drawdown=drawdown(np.concatenate([[equity_start], held]))[0],
    )


def drawdowns(equity: Floats) -> Floats:
    """How far each value lies below the highest until then, as a fraction; 0 at a peak."""
    peaks = np.maximum.accumulate(equity)
    return np.asarray(1.0 - equity / np.where(peaks > 0.0, peaks, 1.0), dtype=np.float64)


def drawdown(equity: Floats) -> tuple[float, int]:
    """The deepest fall from a peak, and the most steps that passed after a peak without reaching it again."""
    fallen = drawdowns(equity)
    steps = np.arange(equity.size)
    newest_peak = np.maximum.accumulate(np.where(fallen <= 0.0, steps, 0))
    return float(fallen.max()), int((steps - newest_peak).max())


def held_equity(candles: pl.DataFrame, equity_start: float, round_trip: float) -> Floats:
    """What buying at the first open and holding was worth at each close, the costs of both ends taken off."""
    close = candles["close"].to_numpy()
    return np.asarray(equity_start * (close / candles["open"][0] - round_trip), dtype=np.float64)


def ratios(
    curve: pl.DataFrame, equity_start: float, timeframe: Timeframe
) -> tuple[float | None, float | None]:
    """Sharpe and Sortino ratio of the curve, a year; None where there are too few periods or nothing ever moved."""
    every, seconds = ("1w", 604_800) if timeframe.seconds > 86_400 else ("1d", 86_400)
    closes = (
        curve.group_by_dynamic("opened_at", every=every).agg(pl.col("equity").last())["equity"].to_numpy()
    )
    values = np.concatenate([[equity_start], closes])
    if values.size <= PERIODS_MIN or (values <= 0.0).any():
        return None, None
    returned = np.diff(values) / values[:-1]
    scale = float(np.sqrt(DAYS_A_YEAR * 86_400 / seconds))
    deviation, downside = float(returned.std(ddof=1)), float(np.sqrt(np.mean(np.minimum(returned, 0.0) ** 2)))
    mean = float(returned.mean())
    return (
        mean / deviation * scale if deviation > 0.0 else None,
        mean / downside * scale if downside > 0.0 else None,
    )


def _yearly(growth: float, span: timedelta) -> float | None:
    days = span / timedelta(days=1)
    if days < SPAN_DAYS_MIN or growth <= 0.0:
        return None
    return float(growth ** (DAYS_A_YEAR / days) - 1.0)


def _mean(column: pl.Series) -> float | None:
    return _number(column.mean())


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None
