"""Confidence: no edge without a record, the curve of its moment, nothing from the future."""

from datetime import timedelta

import numpy as np
import polars as pl
import pytest

from orchestrator_worker.calibration.curve import PRIOR_OUTCOMES, refit_at
from orchestrator_worker.signals.confidence import confident, track_of
from orchestrator_worker.win_rates.outcomes import Horizon
from tests.orchestrator_worker.market import BEGAN_AT
from zmarty.market import Timeframe

HOUR = Timeframe.HOUR_1
NO_EDGE = 1.5 / 4.0
# A moment at which curves are made: bars that close from here on know what was known here.
MOMENT = refit_at(BEGAN_AT + timedelta(days=400), HOUR)


def asked(
    direction: str = "long", *, closes_after: timedelta = timedelta(0), score: float = 0.5
) -> pl.DataFrame:
    return pl.DataFrame(
        [
            {
                "opened_at": MOMENT - HOUR.delta + closes_after,
                "direction": direction,
                "score": score,
                "entry_price": 100.0,
                "stop_price": 98.5,
                "target_price": 102.5,
            }
        ],
        schema_overrides={"opened_at": pl.Datetime("us", "UTC")},
    )


def record(wins: int, losses: int, *, last_known_at: object = MOMENT) -> pl.DataFrame:
    """A record of longs that never overlap, the newest known at that time."""
    count = wins + losses
    shares = np.zeros(count)
    shares[np.linspace(0, count - 1, wins).astype(int)] = 1.0 if wins else 0.0
    known = [last_known_at - timedelta(days=2) * back for back in range(count - 1, -1, -1)]  # type: ignore[operator]
    return pl.DataFrame(
        {
            "opened_at": [when - timedelta(hours=25) for when in known],
            "closed_at": [when - timedelta(hours=20) for when in known],
            "direction": ["long"] * count,
            "known_at": known,
            "strength": np.full(count, 0.5),
            "no_edge": np.full(count, NO_EDGE),
            "share": shares,
        },
        schema_overrides={name: pl.Datetime("us", "UTC") for name in ("opened_at", "closed_at", "known_at")},
    )


def confidence_of(bar: pl.DataFrame, track: pl.DataFrame) -> float | None:
    confidence: float | None = confident(bar, track, timeframe=HOUR)["confidence"][0]
    return confidence


def test_without_a_record_there_is_no_edge() -> None:
    assert confidence_of(asked(), record(0, 0)) == pytest.approx(NO_EDGE)


def test_flat_foretells_nothing() -> None:
    row = confident(asked("flat"), record(10, 0), timeframe=HOUR).row(0, named=True)

    assert (row["confidence"], row["base_rate"], row["calibration"]) == (None, None, None)


def test_a_short_record_is_shrunk_towards_no_edge() -> None:
    confidence = confidence_of(asked(), record(8, 2))

    assert confidence == pytest.approx(NO_EDGE + (8 - 10 * NO_EDGE) / (10 + PRIOR_OUTCOMES))


def test_longs_do_not_learn_from_shorts() -> None:
    assert confidence_of(asked("short"), record(10, 0)) == pytest.approx(NO_EDGE)


def test_outcomes_count_from_the_moment_they_are_known() -> None:
    late = record(9, 1, last_known_at=MOMENT + timedelta(microseconds=1)).tail(1)

    assert confidence_of(asked(), late) == pytest.approx(NO_EDGE)
    assert confidence_of(asked(), record(9, 1).tail(1)) != pytest.approx(NO_EDGE)


def test_bars_between_two_moments_share_their_curve() -> None:
    news = record(9, 1, last_known_at=MOMENT + timedelta(days=1))
    later = confident(asked(closes_after=timedelta(days=6)), news, timeframe=HOUR).row(0, named=True)
    next_week = confident(asked(closes_after=timedelta(days=7)), news, timeframe=HOUR).row(0, named=True)

    # By the first moment all but the newest outcome were known, by the next one all of them.
    assert (later["calibration"]["n"], next_week["calibration"]["n"]) == (9, 10)
    assert later["calibration"]["fitted_at"] == MOMENT.isoformat()


def test_a_label_is_one_at_the_target_and_the_way_travelled_at_expiry() -> None:
    crowd = pl.DataFrame(
        {
            "opened_at": [BEGAN_AT + HOUR.delta * bar for bar in range(4)],
            "direction": ["long"] * 4,
            "score": [0.5, 0.4, 0.6, 0.5],
            "entry_price": [100.0] * 4,
            "stop_price": [98.5] * 4,
            "target_price": [102.5] * 4,
            "barrier": ["target", "stop", "expiry", "expiry"],
            "return_net": [0.0226, -0.0174, -0.0024, 0.0076],
            "closed_at": [BEGAN_AT + HOUR.delta * (bar + 6) for bar in range(4)],
        }
    )

    track = track_of(crowd, timeframe=HOUR, horizon=Horizon.DAY)

    # An exit at the entry price has three eighths of the way behind it, one a cent higher a quarter more.
    assert track["share"].to_list() == pytest.approx([1.0, 0.0, 0.015 / 0.04, 0.025 / 0.04])
    assert track["no_edge"].to_list() == pytest.approx([NO_EDGE] * 4)
    assert track["known_at"][0] == BEGAN_AT + HOUR.delta + timedelta(days=1)
