"""A real browser in front of the running system: what a trader and an operator see, click and read."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Response,
    async_playwright,
    expect,
)

from tests.support.system import REPOSITORY, UP_SECONDS, RunningSystem

CHROMIUM = shutil.which("chromium") or "chromium"
ARGUMENTS = (
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--autoplay-policy=no-user-gesture-required",
)
PATIENCE_MS = 45_000
WALK_SECONDS = 240.0
DESKTOP = {"width": 1360, "height": 860}
PHONE = {"width": 390, "height": 844}
PASSWORD = "correct-horse-battery"
AXE = REPOSITORY / "web" / "node_modules" / "axe-core" / "axe.min.js"
# Where pictures go when somebody wants to look at them; see docs/screenshots.
PICTURES = os.environ.get("BROWSER_PICTURES")
# Counted once a day or after the first candles: a new system is asked before it has any, and says so.
NOT_YET = re.compile(r"/v1/(risk|intelligence/market)/")
_NUMBERS = count(1)

expect.set_options(timeout=PATIENCE_MS)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "browser" in item.path.parts:
            item.add_marker(pytest.mark.timeout(UP_SECONDS + WALK_SECONDS))


@dataclass
class Visitor:
    """One person at one browser. What their browser complains of fails the test: errors, refusals, the policy."""

    system: RunningSystem
    status: dict[str, Any]
    page: Page
    email: str
    complaints: list[str] = field(default_factory=list)
    # What this person is refused on purpose.
    expected: frozenset[int] = frozenset()

    def hear(self, said: ConsoleMessage) -> None:
        # Refusals are told with their address by `see`.
        if said.type == "error" and "Failed to load resource" not in said.text:
            self.complaints.append(said.text)

    def see(self, answer: Response) -> None:
        is_early = answer.status in {404, 422} and NOT_YET.search(answer.url)
        if answer.status >= 400 and answer.status not in self.expected and not is_early:
            self.complaints.append(f"{answer.status} {answer.request.method} {answer.url}")

    async def open(self, path: str) -> None:
        await self.page.goto(self.status["api"] + path)

    async def sign_up(self) -> None:
        await self.open("/sign-in/up")
        await self.page.get_by_label("E-mail").fill(self.email)
        await self.page.get_by_label("Password", exact=True).fill(PASSWORD)
        await self.page.get_by_role("button", name=re.compile("create", re.I)).click()

    async def picture(self, name: str) -> None:
        if PICTURES:
            Path(PICTURES).mkdir(parents=True, exist_ok=True)
            await self.page.screenshot(path=Path(PICTURES) / f"{name}.png")


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        await browser.close()


@pytest.fixture
async def visit(browser: Browser, system: RunningSystem) -> AsyncIterator[Callable[..., Awaitable[Visitor]]]:
    """Makes visitors, each with a browser profile of their own: `await visit()`, `await visit(viewport=PHONE)`."""
    visitors: list[Visitor] = []
    async with AsyncExitStack() as stack:

        async def come(**options: Any) -> Visitor:
            context: BrowserContext = await browser.new_context(**{"viewport": DESKTOP, **options})
            stack.push_async_callback(context.close)
            context.set_default_timeout(PATIENCE_MS)
            page = await context.new_page()
            visitor = Visitor(system, system.status(), page, f"browser-{next(_NUMBERS)}@example.com")
            page.on("pageerror", lambda error: visitor.complaints.append(str(error)))
            page.on("console", visitor.hear)
            page.on("response", visitor.see)
            visitors.append(visitor)
            return visitor

        yield come
        for visitor in visitors:
            await visitor.picture(f"last-{visitor.email}")
    complaints = {visitor.email: visitor.complaints for visitor in visitors if visitor.complaints}
    assert complaints == {}
