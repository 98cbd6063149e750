"""The specification pages are complete against the customer's documents and true to the code."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.routing import Route

from local_stack.auth_server.routes import routes as auth_routes
from orchestrator_api.app import ROUTES

REPOSITORY = Path(__file__).parents[2]
SPECS = REPOSITORY / "docs/zmarty-blueprint/specs"
SEEDS = REPOSITORY.parent / "shared/seeds"

# The first segments under which the documents put endpoints; whatever else looks like a path there is a file.
ROOTS = (
    "api|v1|analytics|orchestration|notifications|intelligence|dashboard|services|ws|healthz|health|chat|metrics|status"
    "|auth|trading|sync|webhooks|mcp-status|docs|grafana|prometheus|analysis|strategy|simulation"
)
NAMED = re.compile(
    rf"""(?:(?<=[\s`'"|])|(?<=localhost:\d{{4}})|(?<=\.team))(/(?:{ROOTS})(?:/[\w{{}}./-]+)?)(?=[\s`'"|?,)]|$)"""
)
SECTION = re.compile(r"^(/[\w/]+):\s*$")
ENTRY = re.compile(r"^ {2}(?:(/[\w/]+)|[A-Z]+):\s*$")
FILE = re.compile(r"\.(?:py|js|md|sql|sh|json|css|ts|gz|log)\b|^/docs/|^/services/orch|^/api(?:/v1)?$")


@pytest.mark.skipif(not SEEDS.exists(), reason="the customer's documents are not on this machine")
def test_every_endpoint_of_the_documents_has_a_row() -> None:
    page = (SPECS / "API-CONTRACTS.md").read_text()

    missing = sorted(
        path for path in named_in_documents() if not re.search(rf"{re.escape(path)}[`?| ]", page)
    )

    assert missing == []


def test_the_endpoints_said_to_run_are_the_routes_there_are() -> None:
    said = set(re.findall(r"^\| `([A-Z]+ /[^`]*)` \|", chapter("## 1. What runs today"), re.MULTILINE))
    said -= {f"POST /functions/v1/{name}" for name in ("watchers-upsert", "user-references-upsert")}

    assert said == {*endpoints(ROUTES), *endpoints(auth_routes, prefix="/auth/v1")}


@pytest.mark.parametrize("page", ["API-CONTRACTS.md", "SLO.md"])
def test_what_a_page_points_to_exists(page: str) -> None:
    pointed = re.findall(
        r"`((?:tests|supabase|zmarty|local_stack|docs|ops)/[\w./-]+)`", (SPECS / page).read_text()
    )

    assert pointed
    assert [path for path in pointed if not (REPOSITORY / path).exists()] == []


def test_every_figure_names_its_holder() -> None:
    rows = [
        line.split(" | ") for line in (SPECS / "SLO.md").read_text().splitlines() if re.match(r"\| \d", line)
    ]

    assert len(rows) > 70
    assert [row for row in rows if len(row) != 4 or not re.search(r"step [A-H]|—", row[3])] == []


def named_in_documents() -> set[str]:
    return {path for seed in SEEDS.glob("*.txt") for path in named_in(seed.read_text(errors="replace"))}


def named_in(text: str) -> Iterator[str]:
    section = ""
    for line in text.splitlines():
        # One document lists its endpoints as YAML: a section, and its entries indented below.
        if match := SECTION.match(line):
            section = match[1]
        elif match := ENTRY.match(line):
            yield section + (match[1] or "")
        else:
            yield from (path.rstrip("/.") for path in NAMED.findall(line) if not FILE.search(path))


def chapter(heading: str) -> str:
    page = (SPECS / "API-CONTRACTS.md").read_text()
    return page[page.index(heading) :].partition("\n## 2.")[0]


def endpoints(routes: object, *, prefix: str = "") -> set[str]:
    assert isinstance(routes, list | tuple)
    return {
        f"{method} {prefix}{route.path_format}"
        for route in routes
        if isinstance(route, Route)
        for method in (route.methods or set()) - {"HEAD"}
    }
