"""Where a trade would start, stop and aim, and whether it would pay after costs. Pure."""

import polars as pl

from orchestrator_worker.signals.costs import ROUND_TRIP

# In ATR from the entry, where no level lies in reach: volatility alone.
STOP_ATR = 1.5
TARGET_ATR = 2.5
FAR_TARGET_ATR = 4.0
CLUSTER_TARGET_ATR_MAX = 8.0
# A swing behind the entry takes the stop behind it, one ahead the target before it, when they lie in these ranges. Stops
# closer than one ATR make the order of prices within a bar decide, which nobody knows.
STOP_ATR_MIN = 1.0
STOP_ATR_MAX = 2.5
TARGET_ATR_MIN = 1.5
TARGET_ATR_MAX = 4.0
# How far behind or before its level.
STOP_MARGIN_ATR = 0.25
TARGET_MARGIN_ATR = 0.1

# Ten significant digits name a price on every exchange and survive the way into `numeric` and back unchanged.
PRICE_DIGITS = 10

# Confidence must exceed the break-even rate by this many of its standard errors before we say "act": one-sided 90 %.
ACT_ERRORS = 1.2816


def levelled(bars: pl.DataFrame) -> pl.DataFrame:
    """Add `entry_price`, `stop_price`, `target_price`, `targets`, `risk_reward`; flat bars have an entry only.

    `bars` has close, atr_14, clusters and the `support` and `resistance` of `with_pivots`. `stop_atr` and `target_atr` are the
    distances in ATR, `stop_level` and `target_level` the swings they were set by, null where volatility alone decided. The
    target is never nearer than the stop.

    `target_price` is the one that outcomes are judged by; `targets` repeats it and names a second, farther one: the
    nearest liquidation cluster beyond it, else FAR_TARGET_ATR.
    """
    close, atr = pl.col("close"), pl.col("atr_14")
    side = pl.col("side")
    return (
        bars.with_columns(
            side=pl.col("direction").replace_strict(
                {"long": 1.0, "short": -1.0}, default=None, return_dtype=pl.Float64
            )
        )
        .with_columns(_behind=_swing("support", "resistance"), _ahead=_swing("resistance", "support"))
        .with_columns(_stop=(close - pl.col("_behind")) * side / atr + STOP_MARGIN_ATR)
        .with_columns(_stop_fits=pl.col("_stop").is_between(STOP_ATR_MIN, STOP_ATR_MAX).fill_null(False))
        .with_columns(
            stop_atr=pl.when("_stop_fits").then("_stop").when(side.is_not_null()).then(STOP_ATR),
            stop_level=pl.when("_stop_fits").then("_behind"),
            _target=(pl.col("_ahead") - close) * side / atr - TARGET_MARGIN_ATR,
        )
        .with_columns(
            _target_fits=pl.col("_target")
            .is_between(pl.max_horizontal(pl.lit(TARGET_ATR_MIN), "stop_atr"), TARGET_ATR_MAX)
            .fill_null(False)
        )
        .with_columns(
            target_atr=pl.when("_target_fits").then("_target").when(side.is_not_null()).then(TARGET_ATR),
            target_level=pl.when("_target_fits").then("_ahead"),
        )
        .with_columns(
            entry_price=_rounded(close),
            stop_price=_rounded(close - side * pl.col("stop_atr") * atr),
            target_price=_rounded(close + side * pl.col("target_atr") * atr),
            far_target=_rounded(close + side * _far_atr() * atr),
        )
        .drop("_behind", "_ahead", "_stop", "_stop_fits", "_target", "_target_fits")
        .pipe(_with_cluster_target)
        .with_columns(
            targets=pl.when(pl.col("side").is_not_null())
            .then(pl.concat_list("target_price", pl.coalesce("cluster_target", "far_target")))
            .otherwise(pl.lit([], dtype=pl.List(pl.Float64))),
            risk_reward=_target_fraction() / _stop_fraction(),
        )
    )


def weighed(bars: pl.DataFrame) -> pl.DataFrame:
    """Add `break_even`, `expected_value` and `verdict` to bars that have levels and a confidence.

    The break-even rate is p* = (stop + cost) / (stop + target): a trade that reaches its target more often earns.
    """
    stop, target = _stop_fraction(), _target_fraction()
    edge = pl.col("confidence") - pl.col("break_even")
    return (
        bars.with_columns(break_even=(stop + ROUND_TRIP) / (stop + target))
        .with_columns(expected_value=edge * (stop + target))
        .with_columns(
            verdict=pl.when(edge > ACT_ERRORS * pl.col("confidence_error"))
            .then(pl.lit("act"))
            .when(edge > 0.0)
            .then(pl.lit("watch"))
            .otherwise(pl.lit("no_edge"))
        )
    )


def _swing(of_long: str, of_short: str) -> pl.Expr:
    return pl.when(pl.col("side") > 0).then(pl.col(of_long)).when(pl.col("side") < 0).then(pl.col(of_short))


def _far_atr() -> pl.Expr:
    """Always beyond the first target, by as much as volatility alone would set it."""
    return pl.max_horizontal(pl.lit(FAR_TARGET_ATR), pl.col("target_atr") + FAR_TARGET_ATR - TARGET_ATR)


def _with_cluster_target(bars: pl.DataFrame) -> pl.DataFrame:
    numbered = bars.with_row_index("_row")
    beyond = (pl.col("price") - pl.col("target_price")) * pl.col("side")
    reachable = (pl.col("price") - pl.col("entry_price")).abs() <= CLUSTER_TARGET_ATR_MAX * pl.col("atr_14")
    nearest = (
        numbered.filter(pl.col("side").is_not_null(), pl.col("clusters").list.len() > 0)
        .select("_row", "side", "entry_price", "target_price", "atr_14", "clusters")
        .explode("clusters")
        .unnest("clusters")
        .filter(beyond > 0.0, reachable)
        .group_by("_row")
        .agg(cluster_target=_rounded(pl.col("price").sort_by(beyond).first()))
    )
    return numbered.join(nearest, on="_row", how="left", maintain_order="left").drop("_row")


def _stop_fraction() -> pl.Expr:
    return (pl.col("entry_price") - pl.col("stop_price")).abs() / pl.col("entry_price")


def _target_fraction() -> pl.Expr:
    return (pl.col("target_price") - pl.col("entry_price")).abs() / pl.col("entry_price")


def _rounded(price: pl.Expr) -> pl.Expr:
    return price.round_sig_figs(PRICE_DIGITS)
