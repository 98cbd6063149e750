"""One storm for all its tests: a system of its own, bounded in time, and its report wherever the tests ran."""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
from typing import Any

import pytest
from rich.console import Console

from tests.chaos.report import show, summary, write_report
from tests.chaos.storm import Aftermath, Strength, rage
from tests.support.system import REPOSITORY, running_system

REPORT = REPOSITORY / ".zmarty" / "chaos" / "report.json"
# What `make test` runs today it runs tomorrow; the long form draws its seed, for what nobody has met yet.
SHORT_SEED = 20261121
SHORT = Strength(seconds=24.0, pause_seconds=1.5, drained_seconds_max=120.0, leases_ended_every_seconds=4.0)
# It ends sooner by far where nobody else works: the way up, the storm, and the way back to calm.
SHORT_TIMEOUT_SECONDS = 420
LONG_SECONDS = os.environ.get("CHAOS_SECONDS")
LONG_DRAINED_SECONDS_MAX = 420.0
LONG_EXTRA_SECONDS = 300.0


def strength() -> Strength:
    if not LONG_SECONDS:
        return SHORT
    return Strength(
        seconds=float(LONG_SECONDS),
        pause_seconds=4.0,
        drained_seconds_max=LONG_DRAINED_SECONDS_MAX,
        leases_ended_every_seconds=None,
    )


def seed() -> int:
    if given := os.environ.get("CHAOS_SEED"):
        return int(given)
    return secrets.randbelow(2**31) if LONG_SECONDS else SHORT_SEED


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    timeout = SHORT_TIMEOUT_SECONDS
    if LONG_SECONDS:
        timeout = int(float(LONG_SECONDS) + LONG_DRAINED_SECONDS_MAX + LONG_EXTRA_SECONDS)
    for item in items:
        if "aftermath" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.timeout(timeout))
            item.add_marker(pytest.mark.xdist_group("chaos"))


@pytest.fixture(scope="session")
def aftermath(pytestconfig: pytest.Config) -> Aftermath:
    """A storm over a system of its own, and the report of it; the system has ended when the first test looks."""
    drawn = seed()
    with running_system("--seed", "7") as system:
        known: Any = pytestconfig.pluginmanager.getplugin("capturemanager")
        with known.global_and_fixture_disabled():
            Console().print(f"\nchaos: CHAOS_SEED={drawn} repeats this storm", highlight=False)
        try:
            after = asyncio.run(rage(system.home, drawn, strength()))
        finally:
            # The home goes with its system; what the services said is wanted when something is found.
            shutil.copytree(system.home.logs, REPORT.parent / "logs", dirs_exist_ok=True)
            shutil.copy(system.output, REPORT.parent / "logs")
    report = summary(after)
    write_report(report, REPORT)
    with known.global_and_fixture_disabled():
        show(report, Console())
    return after
