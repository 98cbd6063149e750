"""How sure we may be that a signal's target comes before its stop: the shrunk rate of our own earlier signals. Pure.

Three layers, each the prior of the next: the rate at which a market without any edge would reach this target before
this stop, our record in this direction, and our record in this direction at this strength. A layer with few
independent outcomes moves the one above it only a little, and a pair without a record has exactly no edge. Each bar
learns only from outcomes that were known at its close.
"""

import polars as pl

from orchestrator_worker.signals.costs import ROUND_TRIP
from orchestrator_worker.win_rates.outcomes import Horizon
from zmarty.market import Timeframe

# A prior weighs as much as this many independent outcomes.
PRIOR_OUTCOMES = 50.0
# |score| at which a signal counts as stronger.
BANDS = (0.45, 0.6)


def track_of(judged: pl.DataFrame, *, timeframe: Timeframe, horizon: Horizon) -> pl.DataFrame:
    """Make the track record of judged signals: one row each with `known_at`, `direction`, `band`, `share`, `weight`.

    `share` is 1 at the target, 0 at the stop and, for an expiry, how far from stop to target the exit lies, which is
    the chance that a price without drift would still have reached the target first. `weight` is how much of the
    signal's life began after its predecessor in the same direction: ten signals on ten bars in a row that all live
    ten bars are about one observation, not ten.
    """
    opened, closed = pl.col("opened_at"), pl.col("closed_at")
    stop, target = _fraction("stop_price"), _fraction("target_price")
    gross = pl.col("return_net") + ROUND_TRIP
    since_previous = opened.diff().over("direction").dt.total_seconds()
    lived = (closed - opened).dt.total_seconds() - timeframe.seconds
    return (
        judged.sort("opened_at")
        .with_columns(
            known_at=opened + timeframe.delta + horizon.delta,
            band=_band(),
            share=pl.when(pl.col("barrier") == "target")
            .then(1.0)
            .when(pl.col("barrier") == "stop")
            .then(0.0)
            .otherwise(((gross + stop) / (stop + target)).clip(0.0, 1.0)),
            weight=(since_previous / lived).fill_null(1.0).clip(0.0, 1.0),
        )
        .select("known_at", "direction", "band", "share", "weight")
    )


def confident(bars: pl.DataFrame, track: pl.DataFrame, *, timeframe: Timeframe) -> pl.DataFrame:
    """Add `confidence`, `confidence_error` (its standard error) and `record_n`, `record_weight` behind it.

    `bars` has opened_at, direction, score and levels; flat bars get no confidence, because they foretell nothing.
    """
    stop, target = _fraction("stop_price"), _fraction("target_price")
    no_edge = stop / (stop + target)
    seen = bars.with_columns(_closed_at=pl.col("opened_at") + timeframe.delta, band=_band())
    seen = _as_known(seen, track, by=["direction"], prefix="record")
    seen = _as_known(seen, track, by=["direction", "band"], prefix="band")
    in_direction = (pl.col("record_share") + PRIOR_OUTCOMES * no_edge) / (
        pl.col("record_weight") + PRIOR_OUTCOMES
    )
    weight = pl.col("band_weight") + PRIOR_OUTCOMES
    confidence = (pl.col("band_share") + PRIOR_OUTCOMES * in_direction) / weight
    directed = pl.col("direction").is_in(["long", "short"])
    return (
        seen.with_columns(confidence=pl.when(directed).then(confidence))
        .with_columns(
            confidence_error=(pl.col("confidence") * (1.0 - pl.col("confidence")) / weight).sqrt(),
        )
        .drop("_closed_at", "record_share", "band_share", "band_weight", "band_n")
    )


def _as_known(bars: pl.DataFrame, track: pl.DataFrame, *, by: list[str], prefix: str) -> pl.DataFrame:
    """Join to each bar the sums over the track that were known when it closed."""
    sums = track.sort("known_at").select(
        pl.col("known_at").alias("_known_at"),
        *by,
        pl.col("weight").cum_count().over(by).alias(f"{prefix}_n"),
        pl.col("weight").cum_sum().over(by).alias(f"{prefix}_weight"),
        (pl.col("weight") * pl.col("share")).cum_sum().over(by).alias(f"{prefix}_share"),
    )
    joined = bars.sort("_closed_at").join_asof(
        sums,
        left_on="_closed_at",
        right_on="_known_at",
        by=by,
        strategy="backward",
        check_sortedness=False,
    )
    return joined.drop("_known_at").with_columns(
        pl.col(f"{prefix}_n").fill_null(0),
        pl.col(f"{prefix}_weight").fill_null(0.0),
        pl.col(f"{prefix}_share").fill_null(0.0),
    )


def _band() -> pl.Expr:
    strength = pl.col("score").abs()
    return pl.sum_horizontal((strength >= border).cast(pl.Int32) for border in BANDS)


def _fraction(level: str) -> pl.Expr:
    return (pl.col(level) - pl.col("entry_price")).abs() / pl.col("entry_price")
