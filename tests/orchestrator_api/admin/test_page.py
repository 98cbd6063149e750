"""The operators' page holds together: its modules, the elements they look for, and the routes they call exist."""

import re
from pathlib import Path

import pytest
from starlette.routing import Match

from orchestrator_api import pages
from orchestrator_api.app import ROUTES

FILES = Path(pages.__file__).parent / "files"
MODULES = (
    "admin.js",
    "ask.js",
    "chart.js",
    "format.js",
    "letters.js",
    "operator.js",
    "panels.js",
    "queues.js",
    "samples.js",
    "table.js",
)


def text_of(name: str) -> str:
    return (FILES / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("module", MODULES)
def test_what_a_module_imports_is_exported(module: str) -> None:
    imports = re.findall(r'^import \{ (.+) \} from "/pages/([\w.]+)";$', text_of(module), re.MULTILINE)

    for names, source in imports:
        for name in (part.split(" as ")[0].strip() for part in names.split(",")):
            assert re.search(rf"^export (async )?(function|class|const) {name}\b", text_of(source), re.M), (
                name
            )


@pytest.mark.parametrize("module", ["admin.js", "panels.js"])
def test_the_elements_that_are_looked_for_exist(module: str) -> None:
    wanted = set(re.findall(r'\bat\("([\w-]+)"\)', text_of(module)))

    assert wanted
    assert wanted <= set(re.findall(r'\bid="([\w-]+)"', text_of("admin.html")))


@pytest.mark.parametrize("module", ["admin.js", "letters.js", "panels.js", "queues.js"])
def test_the_routes_that_are_called_exist(module: str) -> None:
    called = re.findall(r'[`"](/v1/admin/[^`"?]*)', text_of(module))

    assert called
    for path in called:
        concrete = re.sub(r"\$\{verb\}", "retry" if "letters" in path else "pause", path)
        concrete = re.sub(r"\$\{\w+\}", "compute_signals", concrete)
        scope = {"type": "http", "path": concrete, "method": "GET", "root_path": ""}
        assert any(route.matches(scope)[0] is not Match.NONE for route in ROUTES), concrete


def test_no_module_reads_html_from_data() -> None:
    for module in MODULES:
        assert not re.search(
            r"innerHTML|insertAdjacentHTML|outerHTML|document\.write|eval\(", text_of(module)
        )
