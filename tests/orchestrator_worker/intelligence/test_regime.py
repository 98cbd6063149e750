"""Each regime can be reached, and none is claimed while the indicators warm up."""

import polars as pl
import pytest

from orchestrator_worker.intelligence.regime import RANGE_MEDIAN_BARS_MIN, REGIMES, with_regime


def bars_of(atr: list[float], adx: float | None) -> pl.DataFrame:
    return pl.DataFrame(
        {"close": [100.0] * len(atr), "atr_14": atr, "adx_14": [adx] * len(atr)},
        schema={"close": pl.Float64, "atr_14": pl.Float64, "adx_14": pl.Float64},
    )


@pytest.mark.parametrize(
    ("newest_atr", "adx", "regime"),
    [
        (1.0, 25.0, "trending"),
        (9.0, 30.0, "trending"),
        (1.0, 24.9, "ranging"),
        (1.5, 10.0, "volatile"),
        (0.66, 10.0, "quiet"),
    ],
)
def test_every_regime_is_reachable(newest_atr: float, adx: float, regime: str) -> None:
    seen = with_regime(bars_of([1.0] * 300 + [newest_atr], adx))

    assert seen["regime"][-1] == regime
    assert regime in REGIMES


def test_warming_up_claims_nothing() -> None:
    assert with_regime(bars_of([1.0] * (RANGE_MEDIAN_BARS_MIN - 1), 30.0))["regime"].null_count() == 49
    assert with_regime(bars_of([1.0] * 300, None))["regime"].null_count() == 300


def test_a_market_that_stands_still_has_no_regime() -> None:
    assert with_regime(bars_of([0.0] * 300, 30.0))["regime"].null_count() == 300
