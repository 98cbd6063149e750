"""The pages of both services are true to the code: every route with its refusals, every queue with its bounds."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from starlette.routing import Route

from orchestrator_api.app import ROUTES
from orchestrator_api.openapi import documentation_of
from orchestrator_worker.app import WORK
from orchestrator_worker.consumer import Work
from orchestrator_worker.relay.relay import Bounds
from zmarty.postgres import Pool

BLUEPRINT = Path(__file__).parents[2] / "docs/zmarty-blueprint"
API_PAGE = (BLUEPRINT / "40-ORCHESTRATOR-API.md").read_text(encoding="utf-8")
WORKER_PAGE = (BLUEPRINT / "41-ORCHESTRATOR-WORKER.md").read_text(encoding="utf-8")

Row = tuple[str, frozenset[str], frozenset[tuple[str, str]]]


def test_the_table_of_routes_is_the_routes() -> None:
    assert routes_on_page() == routes_in_code()


def routes_on_page() -> dict[str, Row]:
    """Each route's audience, statuses and refusals, as the table has them."""
    rows = re.findall(r"^\| `([A-Z]+ /[^`]*)` \| (\w+) \| ([^|]*) \| ([^|]*) \|$", API_PAGE, re.MULTILINE)
    return {
        route: (who, frozenset(re.findall(r"\d+", answers)), refusals_in(refusals))
        for route, who, answers, refusals in rows
    }


def refusals_in(cell: str) -> frozenset[tuple[str, str]]:
    return frozenset(
        (status, code)
        for status, codes in re.findall(r"(\d{3}) ([^;]*)", cell)
        for code in re.findall(r"`(\w+)`", codes)
    )


def routes_in_code() -> dict[str, Row]:
    found: dict[str, Row] = {}
    for route in ROUTES:
        documentation = documentation_of(route)
        assert isinstance(route, Route)
        assert documentation is not None
        for method in (route.methods or set()) - {"HEAD"}:
            found[f"{method} {route.path_format}"] = (
                documentation.access,
                frozenset(map(str, documentation.responses)),
                frozenset((str(error.status), error.code) for error in documentation.errors),
            )
    return found


def test_the_table_of_queues_is_the_workers_table() -> None:
    rows = re.findall(
        r"^\| `(\w+)` \| `([\w.]+):(\w+)` \| (\d+) \| (\d+) s \| (\d+) s \| (\d+) \|$",
        WORKER_PAGE,
        re.MULTILINE,
    )

    assert [tuple(row) for row in rows] == [row_of(work) for work in WORK]


def row_of(work: Work[Any]) -> tuple[str, ...]:
    handle = work.handle
    assert handle is not None, "a batch handler needs a column of its own in the page"
    return (
        work.message.queue,
        handle.__module__,
        handle.__name__,
        str(work.concurrency),
        f"{work.lease_seconds:.0f}",
        f"{work.timeout_seconds:.0f}",
        str(work.attempts_max),
    )


def test_the_bounds_of_the_relay_are_its_bounds() -> None:
    bounds = Bounds()
    said: Mapping[str, str] = dict(re.findall(r"^\| `(\w+)` \| ([\d.]+) \|", WORKER_PAGE, re.MULTILINE))

    assert {name: float(value) for name, value in said.items()} == {
        name: float(getattr(bounds, name)) for name in Bounds.__dataclass_fields__
    }


async def test_the_vendors_limits_are_the_rows_of_the_migration(trading: Pool) -> None:
    said = re.findall(
        r"^\| [A-Za-z ]+, `(\w+)` \| (\d+) \| (\d+) \| ([\d,]+|–) \|", WORKER_PAGE, re.MULTILINE
    )

    rows = await trading.fetch("select vendor, per_second, burst, monthly_quota from vendor_limits")

    assert {tuple(row) for row in said} == {
        (vendor, str(per_second), str(burst), f"{quota:,}" if quota else "–")
        for vendor, per_second, burst, quota in rows
    }
