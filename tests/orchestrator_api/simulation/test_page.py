"""The page of a report: whatever stands in it is escaped, and what there is too little of is a dash."""

from typing import Any
from uuid import UUID

import pytest

from orchestrator_api.simulation.page import POLICY, page_of_report
from orchestrator_api.simulation.rows import ReportDocument, Statistics

NONE = dict.fromkeys(
    name for name in Statistics.model_fields if Statistics.model_fields[name].annotation == float | None
)


def document(**changes: Any) -> ReportDocument:
    counts = dict.fromkeys(("n", "targets", "stops", "expired", "open", "ambiguous", "longs", "bars"), 0)
    rest = dict.fromkeys(
        (
            "n_effective",
            "total_return",
            "max_drawdown",
            "max_drawdown_days",
            "exposure",
            "hold_return",
            "hold_max_drawdown",
        ),
        0.0,
    )
    statistics = {**NONE, **counts, **rest, "equity_start": 10_000.0, "equity_end": 10_000.0}
    points = [
        {"closed_at": f"2026-01-0{day}T00:00:00Z", "equity": 10_000, "hold": 10_000, "drawdown": 0.0}
        for day in (1, 2)
    ]
    return ReportDocument.model_validate(
        {
            "id": UUID(int=1),
            "kind": "report",
            "symbol": "BTC/USDT",
            "timeframe": "1h",
            "report_type": "performance",
            "lookback_days": 30,
            "created_at": "2026-01-02T00:00:00Z",
            "statistics": statistics,
            "curve": points,
            "trades": [],
            "trades_count": 0,
            **changes,
        }
    )


def test_a_report_without_trades_has_a_page() -> None:
    page = page_of_report(document())

    assert "No trades" in page
    assert "–" in page
    assert "None" not in page
    assert "nan" not in page


def test_a_report_of_risk_alone_has_no_curve() -> None:
    page = page_of_report(document(statistics=None, curve=[], report_type="risk"))

    assert "<svg" not in page
    assert "In numbers" not in page


@pytest.mark.parametrize("embedded", [True, False])
def test_what_is_written_is_escaped(embedded: bool) -> None:
    page = page_of_report(
        document(strategy="<img src=x onerror=alert(1)>"), note='<script>"no"</script>', embedded=embedded
    )

    assert "<img src=x" not in page
    assert "<script" not in page
    assert "&lt;img src=x" in page
    assert ("<style>" in page) == embedded


def test_the_page_needs_nothing_that_its_policy_forbids() -> None:
    page = page_of_report(document())

    assert "script" not in POLICY
    assert "unsafe" not in POLICY
    assert " style=" not in page
    assert "<style" not in page
    assert "onload" not in page
