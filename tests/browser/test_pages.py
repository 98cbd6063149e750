"""Every page, as it stands for a new user and for an operator: accessible, within its screen, without complaints."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
from playwright.async_api import expect

from tests.browser.conftest import AXE, DESKTOP, PHONE, Visitor

PAGES = ("/welcome", "/chat", "/markets", "/markets/BTC-USDT/1h", "/credits", "/account")


@pytest.mark.parametrize(
    ("viewport", "scheme"), [(DESKTOP, "light"), (PHONE, "dark")], ids=["desktop", "phone"]
)
async def test_pages_are_accessible_and_fit_the_screen(
    visit: Callable[..., Awaitable[Visitor]], viewport: dict[str, int], scheme: str
) -> None:
    visitor = await visit(viewport=viewport, color_scheme=scheme, bypass_csp=True)
    await visitor.sign_up()
    await visitor.page.wait_for_url("**/welcome")
    found = {}
    for path in PAGES:
        await visitor.open(path)
        await expect(visitor.page.get_by_label("Loading")).to_have_count(0)
        found[path] = await problems(visitor)

    assert found == {path: [] for path in PAGES}


async def problems(visitor: Visitor) -> list[str]:
    """Serious violations by axe, and a page that is wider than its screen."""
    await visitor.page.add_script_tag(path=AXE)
    violations = await visitor.page.evaluate("async () => (await axe.run()).violations")
    serious = [
        f"{one['impact']} {one['id']}: {one['nodes'][0]['target']}"
        for one in violations
        if one["impact"] in {"serious", "critical"}
    ]
    beyond = await visitor.page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    return [*serious, *([f"{beyond} px wider than the screen"] if beyond > 0 else [])]
