"""Where a trade would start, stop and aim, and whether it would pay after costs. Pure."""

import polars as pl

from orchestrator_worker.signals.costs import ROUND_TRIP

# In ATR from the entry. Stops closer than one ATR make the order of prices within a bar decide, which nobody knows.
STOP_ATR = 1.5
TARGET_ATR = 2.5
FAR_TARGET_ATR = 4.0
CLUSTER_TARGET_ATR_MAX = 8.0

# Ten significant digits name a price on every exchange and survive the way into `numeric` and back unchanged.
PRICE_DIGITS = 10

# Confidence must exceed the break-even rate by this many of its standard errors before we say "act": one-sided 90 %.
ACT_ERRORS = 1.2816


def levelled(bars: pl.DataFrame) -> pl.DataFrame:
    """Add `entry_price`, `stop_price`, `target_price`, `targets`, `risk_reward`; flat bars have an entry only.

    `target_price` is the one that outcomes are judged by; `targets` repeats it and names a second, farther one: the
    nearest liquidation cluster beyond it, else FAR_TARGET_ATR.
    """
    close, atr = pl.col("close"), pl.col("atr_14")
    side = pl.col("direction").replace_strict({"long": 1.0, "short": -1.0}, default=None)
    return (
        bars.with_columns(
            side=side,
            entry_price=_rounded(close),
            stop_price=_rounded(close - side * STOP_ATR * atr),
            target_price=_rounded(close + side * TARGET_ATR * atr),
            far_target=_rounded(close + side * FAR_TARGET_ATR * atr),
        )
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
