"""How a market leans: signed components in −1…1, their weighted score, its direction and strength. Pure.

One implementation over a frame of bars: the live signal is its last row, and the walk over a history is all of them.
Row t depends on rows up to t only. Everything here is odd in the market: turn the prices upside down and every
component, and the score, changes its sign and nothing else.
"""

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType

import polars as pl

COMPONENTS = ("technical", "liquidation", "risk", "flow")
TECHNICAL_PARTS = ("trend", "momentum", "reversion")
# The column behind each; `risk` itself is the metric, whose lean is what counts.
PARTS: Mapping[str, str] = MappingProxyType(
    {part: "risk_lean" if part == "risk" else part for part in (*COMPONENTS, *TECHNICAL_PARTS)}
)

# What each component weighs by regime when all are there; weights of missing ones go to the others. A trend is what technical
# analysis reads best; in wild markets forced selling moves the price, in quiet ones where the price stands in its long range.
WEIGHTS: Mapping[str, Mapping[str, float]] = MappingProxyType(
    {
        "trending": {"technical": 0.60, "liquidation": 0.15, "risk": 0.10, "flow": 0.15},
        "ranging": {"technical": 0.50, "liquidation": 0.20, "risk": 0.15, "flow": 0.15},
        "volatile": {"technical": 0.45, "liquidation": 0.30, "risk": 0.10, "flow": 0.15},
        "quiet": {"technical": 0.50, "liquidation": 0.15, "risk": 0.20, "flow": 0.15},
    }
)
# And within the technical component: the less of a trend, the more an extreme calls for a return.
TECHNICAL_WEIGHTS: Mapping[str, Mapping[str, float]] = MappingProxyType(
    {
        "trending": {"trend": 0.55, "momentum": 0.40, "reversion": 0.05},
        "ranging": {"trend": 0.40, "momentum": 0.35, "reversion": 0.25},
        "volatile": {"trend": 0.40, "momentum": 0.35, "reversion": 0.25},
        "quiet": {"trend": 0.45, "momentum": 0.45, "reversion": 0.10},
    }
)
FLOW_SOURCES = ("ls_ratio", "trend", "volume_flow", "whale_trades", "open_interest", "sentiment")
# While the regime is not known yet.
REGIME_DEFAULT = "ranging"

# A reading loses half of its weight in this many bars; the risk metric, which is a daily one, in this many days.
AGE_HALF_LIFE_BARS = 6.0
RISK_HALF_LIFE_DAYS = 3.0
# A change of open interest from one reading to the next that counts as large.
OPEN_INTEREST_CHANGE = 0.02

DIRECTION_SCORE_MIN = 0.30

# Below the first, a stop one ATR away lies within the costs' noise; above the second, a target would lie below zero.
ATR_FRACTION_MIN = 1e-5
ATR_FRACTION_MAX = 0.15

CLUSTER_REACH_ATR = 5.0

_ATR = pl.col("atr_14")


def scored(bars: pl.DataFrame) -> pl.DataFrame:
    """Add `trend`, `momentum`, `reversion`, `technical`, `liquidation`, `risk_lean`, `flow`, `score`, `direction`, `strength`.

    `bars` has the indicators of `indicators_of`, the `regime` of `with_regime` and the columns of `with_readings`. A component without data is null;
    the score is null where the indicators still warm up and 0 where the market stands still or moves beyond measure.
    """
    return (
        bars.with_columns(cluster_pull=_cluster_pull(bars), tradable=tradable())
        .with_columns(trend=_trend(), momentum=_momentum(), reversion=_reversion())
        .with_columns(
            technical=_technical(), liquidation=_liquidation(), risk_lean=_risk_lean(), flow=_flow()
        )
        .with_columns(score=_score())
        .with_columns(direction=_direction(), strength=_strength())
    )


def tradable() -> pl.Expr:
    """Whether somebody could have traded the bar and its ATR makes sensible levels; never null."""
    moves = (_ATR / pl.col("close")).is_between(ATR_FRACTION_MIN, ATR_FRACTION_MAX)
    # Nobody can be filled in a bar without trades: an exchange that halted still publishes one.
    return (pl.col("market_moves") & moves & (pl.col("volume") > 0)).fill_null(False)


def _trend() -> pl.Expr:
    fast = ((pl.col("ema_20") - pl.col("ema_50")) / _ATR).tanh()
    slow = ((pl.col("close") - pl.col("ema_200")) / (4.0 * _ATR)).tanh()
    plus, minus = pl.col("plus_di_14"), pl.col("minus_di_14")
    directed = (plus - minus) / (plus + minus) * (pl.col("adx_14") / 25.0).clip(0.0, 1.0)
    return (fast + slow + directed) / 3.0


def _momentum() -> pl.Expr:
    macd = (pl.col("macd_histogram") / (0.25 * _ATR)).tanh()
    rsi = ((pl.col("rsi_14") - 50.0) / 12.0).tanh()
    return (macd + rsi) / 2.0


def _reversion() -> pl.Expr:
    rsi = _excess((pl.col("rsi_14") - 50.0) / 50.0, free=0.4, full=0.7)
    stochastic = _excess((pl.col("stochastic_k") - 50.0) / 50.0, free=0.6, full=1.0)
    middle = pl.col("bollinger_middle")
    band = _excess((pl.col("close") - middle) / (pl.col("bollinger_upper") - middle), free=0.9, full=1.6)
    return -(rsi + stochastic + band) / 3.0


def _excess(value: pl.Expr, *, free: float, full: float) -> pl.Expr:
    """0 while |value| ≤ free, then growing to ±1 at ±full: only extremes call for a return."""
    return value.sign() * ((value.abs() - free) / (full - free)).clip(0.0, 1.0)


def _technical() -> pl.Expr:
    return pl.sum_horizontal(_by_regime(TECHNICAL_WEIGHTS, part) * pl.col(part) for part in TECHNICAL_PARTS)


def _by_regime(weights: Mapping[str, Mapping[str, float]], part: str) -> pl.Expr:
    return pl.col("regime").replace_strict(
        {regime: parts[part] for regime, parts in weights.items()},
        default=weights[REGIME_DEFAULT][part],
        return_dtype=pl.Float64,
    )


def _liquidation() -> pl.Expr:
    longs, shorts = pl.col("liquidated_longs"), pl.col("liquidated_shorts")
    # Forced selling is selling that is over: liquidated longs leave room upwards.
    flushed = (longs - shorts) / (longs + shorts)
    return _weighted(
        [
            (_aged(0.7, "clusters"), pl.col("cluster_pull")),
            (_aged(0.3, "liquidations"), flushed),
        ]
    )


def _risk_lean() -> pl.Expr:
    """Low risk leans long, high risk short; the middle of the range says nothing."""
    return 1.0 - 2.0 * pl.col("risk")


def _flow() -> pl.Expr:
    buyers = (pl.col("ls_ratio").log() / 0.5).tanh()
    market = (pl.col("trend_score") - 50.0) / 50.0
    # More open positions confirm the way the price goes, fewer doubt it: a sign of its own they do not have.
    opening = (pl.col("open_interest_change") / OPEN_INTEREST_CHANGE).tanh() * pl.col("momentum")
    return _weighted(
        [
            (_aged(0.25, "ls_ratio"), buyers),
            (_aged(0.15, "trend"), market),
            (_aged(0.20, "volume_flow"), _balance("flow_in", "flow_out")),
            (_aged(0.20, "whale_trades"), _balance("whale_buys", "whale_sells")),
            (_aged(0.10, "open_interest"), opening),
            (_aged(0.10, "sentiment"), pl.col("sentiment")),
        ]
    )


def _balance(one: str, other: str) -> pl.Expr:
    return (pl.col(one) - pl.col(other)) / (pl.col(one) + pl.col(other))


def _score() -> pl.Expr:
    fresh = {
        "technical": pl.lit(1.0),
        "liquidation": _decay(pl.min_horizontal("clusters_age", "liquidations_age")),
        "risk": _decay(pl.col("risk_age"), RISK_HALF_LIFE_DAYS),
        "flow": _decay(pl.min_horizontal(f"{source}_age" for source in FLOW_SOURCES)),
    }
    blended = _weighted(
        [
            (_by_regime(WEIGHTS, component) * fresh[component], pl.col(PARTS[component]))
            for component in COMPONENTS
        ]
    )
    warm = pl.col("ema_200").is_not_null() & _ATR.is_not_null()
    return pl.when(warm & pl.col("tradable")).then(blended.clip(-1.0, 1.0)).when(warm).then(0.0)


def _direction() -> pl.Expr:
    score = pl.col("score")
    return (
        pl.when(score >= DIRECTION_SCORE_MIN)
        .then(pl.lit("long"))
        .when(score <= -DIRECTION_SCORE_MIN)
        .then(pl.lit("short"))
        .when(score.is_not_null())
        .then(pl.lit("flat"))
    )


def _strength() -> pl.Expr:
    return (pl.col("score").abs() * 100.0).round().clip(1.0, 100.0).cast(pl.Int64)


def _weighted(parts: Sequence[tuple[pl.Expr, pl.Expr]]) -> pl.Expr:
    """The weighted mean of the parts that are there; null when none is."""
    there = [value.is_not_null() & weight.is_not_null() for weight, value in parts]
    total = pl.sum_horizontal(
        pl.when(present).then(weight).otherwise(0.0)
        for present, (weight, _) in zip(there, parts, strict=True)
    )
    summed = pl.sum_horizontal(
        pl.when(present).then(weight * value).otherwise(0.0)
        for present, (weight, value) in zip(there, parts, strict=True)
    )
    return pl.when(total > 0.0).then(summed / total)


def _aged(weight: float, source: str) -> pl.Expr:
    return weight * _decay(pl.col(f"{source}_age"))


def _decay(age: pl.Expr, half_life: float = AGE_HALF_LIFE_BARS) -> pl.Expr:
    return (-age * (math.log(2.0) / half_life)).exp()


def _cluster_pull(bars: pl.DataFrame) -> pl.Series:
    """Prices are drawn to where many would be liquidated: each cluster by its share, fading with its distance in ATR."""
    numbered = bars.select("clusters", "close", "atr_14").with_row_index("_row")
    away = (pl.col("price") - pl.col("close")) / _ATR
    pulls = (
        numbered.filter(pl.col("clusters").list.len() > 0, _ATR > 0)
        .explode("clusters")
        .unnest("clusters")
        .group_by("_row")
        .agg(
            cluster_pull=(pl.col("notional") * away.sign() * (-away.abs() / CLUSTER_REACH_ATR).exp()).sum()
            / pl.col("notional").sum()
        )
    )
    return numbered.select("_row").join(pulls, on="_row", how="left", maintain_order="left")["cluster_pull"]
