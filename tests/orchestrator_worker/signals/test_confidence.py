"""Confidence: no edge without a record, nearer to the record the more of it there is, nothing from the future."""

from datetime import datetime, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator_worker.signals.confidence import PRIOR_OUTCOMES, confident, track_of
from orchestrator_worker.win_rates.outcomes import Horizon
from tests.orchestrator_worker.market import BEGAN_AT
from zmarty.market import Timeframe

HOUR = timedelta(hours=1)
NO_EDGE = 1.5 / 4.0
TRACK = pl.Schema(
    {
        "known_at": pl.Datetime("us", "UTC"),
        "direction": pl.String(),
        "band": pl.Int32(),
        "share": pl.Float64(),
        "weight": pl.Float64(),
    }
)


def asked(direction: str = "long", at: datetime = BEGAN_AT, score: float = 0.5) -> pl.DataFrame:
    return pl.DataFrame(
        [
            {
                "opened_at": at,
                "direction": direction,
                "score": score,
                "entry_price": 100.0,
                "stop_price": 98.5,
                "target_price": 102.5,
            }
        ],
        schema_overrides={"opened_at": pl.Datetime("us", "UTC")},
    )


def record(wins: int, losses: int, *, known_at: datetime, weight: float = 1.0, band: int = 1) -> pl.DataFrame:
    shares = [1.0] * wins + [0.0] * losses
    rows = [(known_at, "long", band, share, weight) for share in shares]
    return pl.DataFrame(rows, schema=TRACK, orient="row")


def confidence_of(bar: pl.DataFrame, track: pl.DataFrame) -> float | None:
    confidence: float | None = confident(bar, track, timeframe=Timeframe.HOUR_1)["confidence"][0]
    return confidence


def test_without_a_record_there_is_no_edge() -> None:
    assert confidence_of(asked(), record(0, 0, known_at=BEGAN_AT)) == pytest.approx(NO_EDGE)


def test_flat_foretells_nothing() -> None:
    assert confidence_of(asked("flat"), record(10, 0, known_at=BEGAN_AT)) is None


@given(wins=st.integers(0, 400), losses=st.integers(0, 400), weight=st.floats(0.05, 1.0))
@settings(deadline=None, max_examples=60)
def test_confidence_lies_between_prior_and_record(wins: int, losses: int, weight: float) -> None:
    confidence = confidence_of(asked(), record(wins, losses, known_at=BEGAN_AT, weight=weight))

    own = wins / (wins + losses) if wins + losses else NO_EDGE
    assert confidence is not None
    assert min(own, NO_EDGE) - 1e-9 <= confidence <= max(own, NO_EDGE) + 1e-9


def test_more_record_means_less_prior() -> None:
    few = confidence_of(asked(), record(8, 2, known_at=BEGAN_AT))
    many = confidence_of(asked(), record(800, 200, known_at=BEGAN_AT))

    assert few is not None
    assert many is not None
    assert NO_EDGE < few < NO_EDGE + 0.13
    assert many == pytest.approx(0.8, abs=0.02)


def test_another_strength_moves_confidence_less() -> None:
    same = confidence_of(asked(score=0.5), record(200, 50, known_at=BEGAN_AT, band=1))
    other = confidence_of(asked(score=0.9), record(200, 50, known_at=BEGAN_AT, band=1))
    in_direction = (200 + PRIOR_OUTCOMES * NO_EDGE) / (250 + PRIOR_OUTCOMES)

    assert other == pytest.approx(in_direction)
    assert same is not None
    assert same > in_direction


def test_outcomes_count_from_the_moment_they_are_known() -> None:
    closes_at = BEGAN_AT + HOUR

    assert confidence_of(asked(), record(9, 1, known_at=closes_at + timedelta(seconds=1))) == pytest.approx(
        NO_EDGE
    )
    assert confidence_of(asked(), record(9, 1, known_at=closes_at)) != pytest.approx(NO_EDGE)


def test_signals_that_live_through_the_same_bars_share_their_weight() -> None:
    crowd = pl.DataFrame(
        {
            "opened_at": [BEGAN_AT + HOUR * bar for bar in range(10)],
            "direction": ["long"] * 10,
            "score": [0.5] * 10,
            "entry_price": [100.0] * 10,
            "stop_price": [98.5] * 10,
            "target_price": [102.5] * 10,
            "barrier": ["target"] * 4 + ["stop"] * 4 + ["expiry"] * 2,
            "return_net": [0.02] * 8 + [-0.0024, 0.0076],
            "closed_at": [BEGAN_AT + HOUR * (bar + 6) for bar in range(10)],
        }
    )

    track = track_of(crowd, timeframe=Timeframe.HOUR_1, horizon=Horizon.DAY)

    assert track["weight"].to_list() == pytest.approx([1.0] + [1 / 5] * 9)
    assert track["share"].to_list()[:8] == [1.0] * 4 + [0.0] * 4
    # An exit at the entry price has three eighths of the way behind it, one a cent higher a quarter more.
    assert track["share"].to_list()[8:] == pytest.approx([0.015 / 0.04, 0.025 / 0.04])
    assert track["known_at"][0] == BEGAN_AT + HOUR + timedelta(days=1)
