"""The page of the worker tells the reading plan as it is, and what it costs."""

import re
from pathlib import Path

from orchestrator_worker.sources.plan import PLAN, requests_of_month
from zmarty.market import Timeframe

PAGE = (Path(__file__).parents[2] / "docs/zmarty-blueprint/41-ORCHESTRATOR-WORKER.md").read_text(
    encoding="utf-8"
)


def test_every_source_of_the_plan_has_its_row_with_its_price() -> None:
    chapter = PAGE[PAGE.index("## The reading plan") :]
    said = re.findall(r"^\| `(\w+)` \| (market|symbol|pair) \|.*\| ([\d,]+) \|$", chapter, re.MULTILINE)

    price = requests_of_month({Timeframe.HOUR_1: 1}, symbols=1)
    assert said == [(source.name, source.scope, f"{price[source.name]:,}") for source in PLAN]


def test_the_totals_for_so_many_symbols_add_up() -> None:
    said = re.findall(r"^\| (\d+) \| ([\d,]+) \| ([\d,]+) \| ([\d,]+) \| (\d+) % \|$", PAGE, re.MULTILINE)

    assert said
    for symbols, market, of_symbols, together, share in said:
        pairs = int(symbols)
        total = sum(requests_of_month({Timeframe.HOUR_1: pairs}, symbols=pairs).values())
        alone = sum(requests_of_month({}, symbols=0).values())
        assert (market, of_symbols, together) == (f"{alone:,}", f"{total - alone:,}", f"{total:,}")
        assert share == f"{total / 1000:.0f}"
