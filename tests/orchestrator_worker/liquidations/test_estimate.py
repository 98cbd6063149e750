"""The estimator: positions opened, passed and closed, on markets made for it and on real open interest."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from orchestrator_worker.liquidations.estimate import OBSERVATIONS_MIN, estimate
from orchestrator_worker.sources.readings import ClusterMap
from tests.orchestrator_worker.market import OHLCV

HOUR = timedelta(hours=1)
BEGAN_AT = datetime(2026, 5, 8, tzinfo=UTC)
REAL = OHLCV / "oi_btc_perp_1h_7d.parquet"


def bars_of(closes: list[float], *, reach: float = 0.0) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "closed_at": [BEGAN_AT + HOUR * order for order in range(len(closes))],
            "high": [close * (1 + reach) for close in closes],
            "low": [close * (1 - reach) for close in closes],
            "close": closes,
        },
        schema_overrides={"closed_at": pl.Datetime("us", "UTC")},
    )


def interest_of(contracts: list[float]) -> pl.DataFrame:
    return pl.DataFrame(
        {"observed_at": [BEGAN_AT + HOUR * order for order in range(len(contracts))], "contracts": contracts},
        schema_overrides={"observed_at": pl.Datetime("us", "UTC")},
    )


def worth(found: ClusterMap, side: str) -> float:
    return sum(float(cluster.notional or 0) for cluster in found.clusters if cluster.side == side)


FLAT = [100.0] * OBSERVATIONS_MIN
OPENED = [1_000.0, *[1_100.0] * (OBSERVATIONS_MIN - 1)]


def test_a_rise_of_open_interest_is_liquidated_on_both_sides() -> None:
    found = estimate(bars_of(FLAT), interest_of(OPENED), "BTC")

    below = {
        round(float(cluster.price), 2): float(cluster.notional or 0)
        for cluster in found.clusters
        if cluster.side == "below"
    }
    assert sorted(below) == [90.36, 95.38, 98.49, 99.5]
    assert worth(found, "below") == pytest.approx(
        100 * (0.3 * 90.36 + 0.3 * 95.38 + 0.25 * 98.49 + 0.15 * 99.5), rel=1e-3
    )
    assert len(found.clusters) == 8
    assert found.confidence == pytest.approx(100 / 1_100, abs=1e-4)
    assert found.observed_at == BEGAN_AT + HOUR * (OBSERVATIONS_MIN - 1)
    assert found.vendor == "estimated"


def test_what_the_price_has_passed_is_gone() -> None:
    dipped = [*FLAT[:10], 95.0, *FLAT[11:]]

    found = estimate(bars_of(dipped), interest_of(OPENED), "BTC")

    assert [round(float(cluster.price), 2) for cluster in found.clusters if cluster.side == "below"] == [
        90.36
    ]


def test_a_fall_of_open_interest_closes_its_share() -> None:
    halved = [*OPENED[:-1], 550.0]

    before, after = (
        estimate(bars_of(FLAT), interest_of(OPENED), "BTC"),
        estimate(bars_of(FLAT), interest_of(halved), "BTC"),
    )

    assert worth(after, "above") == pytest.approx(worth(before, "above") / 2, rel=1e-4)


def test_candles_of_the_entry_itself_liquidate_nobody() -> None:
    bars = bars_of(FLAT).with_columns(
        low=pl.when(pl.col("closed_at") == BEGAN_AT + HOUR).then(50.0).otherwise("low")
    )

    assert worth(estimate(bars, interest_of(OPENED), "BTC"), "below") > 0


def test_faster_candles_than_observations_are_gathered() -> None:
    closes = [100.0] * (4 * OBSERVATIONS_MIN)
    bars = bars_of(closes).with_columns(
        closed_at=pl.Series(
            [BEGAN_AT + HOUR / 4 * order for order in range(len(closes))], dtype=pl.Datetime("us", "UTC")
        )
    )

    assert len(estimate(bars, interest_of(OPENED), "BTC").clusters) == 8


def test_too_few_observations_say_so() -> None:
    with pytest.raises(ValueError, match=f"not_enough_data: have 3, need {OBSERVATIONS_MIN}"):
        estimate(bars_of(FLAT), interest_of(OPENED[:3]), "BTC")


@pytest.mark.parametrize("wrong", [float("nan"), -1.0, 0.0])
def test_figures_that_cannot_be_true_are_refused(wrong: float) -> None:
    with pytest.raises(ValueError, match="contracts"):
        estimate(bars_of(FLAT), interest_of([*OPENED[:-1], wrong]), "BTC")
    with pytest.raises(ValueError, match="high: 1 of its values"):
        estimate(bars_of([*FLAT[:-1], wrong]), interest_of(OPENED), "BTC")


def test_real_open_interest_makes_a_plausible_map() -> None:
    if not REAL.exists():
        pytest.skip("no real open interest on this machine")
    series = pl.read_parquet(REAL)
    # The file names its own dollar value: their quotient is the price of each hour.
    price = pl.col("open_interest_usd") / pl.col("open_interest")
    previous = price.shift(1).fill_null(price)
    bars = series.select(
        closed_at="ts",
        close=price,
        high=pl.max_horizontal(price, previous),
        low=pl.min_horizontal(price, previous),
    )

    found = estimate(bars, series.select(observed_at="ts", contracts="open_interest"), "BTC")

    close = float(bars["close"][-1])
    assert found.observed_at == series["ts"][-1]
    assert {cluster.side for cluster in found.clusters} == {"above", "below"}
    for cluster in found.clusters:
        assert (float(cluster.price) > close) == (cluster.side == "above")
        assert abs(float(cluster.price) / close - 1) < 0.4
    # Nobody's position is counted twice: each side holds no more than what is open.
    assert max(worth(found, "above"), worth(found, "below")) < float(series["open_interest_usd"][-1]) * 1.1
    assert found.confidence is not None
    assert 0.05 < found.confidence < 0.6
