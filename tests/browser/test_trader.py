"""A trader's first hour in the browser, and that nobody else sees any of it."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

import asyncpg
from playwright.async_api import Page, expect

from tests.browser.conftest import PHONE, Visitor

QUESTION = "How sure are you of BTC/USDT on the hour?"


async def test_from_sign_up_to_a_spoken_answer_that_is_paid_once(
    visit: Callable[..., Awaitable[Visitor]],
) -> None:
    ada = await visit()
    page = ada.page
    await ada.sign_up()
    await page.wait_for_url("**/welcome")
    await ada.picture("welcome")
    await page.get_by_role("button", name="Watch 2 symbols").click()

    # Everything from here to the first signal arrives by itself: saved, mirrored, ingested, computed, told.
    await expect(page.get_by_role("heading", name="Your markets are ready")).to_be_visible()
    await expect(page.get_by_label(re.compile("^Signal of BTC/USDT"))).to_be_visible()
    await ada.picture("arrived")
    trading = await asyncpg.connect(ada.status["trading_database"])
    watched = await trading.fetch("select symbol from watchers where active and timeframe = '1h'")
    await trading.close()
    assert {"BTC/USDT", "ETH/USDT"} <= {row["symbol"] for row in watched}

    await page.get_by_role("link", name="See the market").click()
    await expect(page.get_by_role("heading", name="BTC/USDT")).to_be_visible()
    await expect(page.locator("canvas").first).to_be_visible()
    await expect(page.get_by_role("heading", name="Win rates")).to_be_visible()
    await ada.picture("market")

    ada.system.zmarty("tier", ada.email, "pro")
    await ada.open("/chat")
    before = await balance(page)
    await page.get_by_role("button", name=re.compile("^How to answer")).click()
    await page.get_by_label("Read answers aloud").click()
    await page.get_by_role("button", name="Done").click()
    await page.get_by_label("Your question").fill(QUESTION)
    await page.get_by_role("button", name="Send").click()

    await expect(page.get_by_role("group", name="Signals behind this answer")).to_contain_text("BTC/USDT")
    await expect(page.get_by_test_id("answer-cost")).to_be_visible()
    await expect(page.get_by_role("button", name="Listen to the answer")).to_be_visible()
    cost = int(re.findall(r"\d+", await page.get_by_test_id("answer-cost").inner_text())[0])
    await expect(page.get_by_test_id("balance")).to_have_text(f"{before - cost:,}")
    await ada.picture("answer")
    await page.get_by_role("button", name="Listen to the answer").click()
    await expect(page.get_by_role("button", name="Pause")).to_be_visible()

    # After a reload it is all still there, and was charged once.
    talk = page.url
    assert re.search(r"/chat/[0-9a-f-]{36}$", talk)
    await page.reload()
    await expect(page.get_by_text(QUESTION).last).to_be_visible()
    await expect(page.get_by_role("navigation", name="Conversations").get_by_role("link")).to_have_count(1)
    await ada.open("/credits")
    row = page.get_by_role("row", name=re.compile("Answer in the chat"))
    await expect(row).to_have_count(1)
    await expect(row.get_by_role("cell").filter(has_text=re.compile(rf"^[-−]{cost}$"))).to_be_visible()
    await ada.picture("credits")

    await nobody_else_sees_it(await visit(viewport=PHONE), talk)


async def nobody_else_sees_it(eve: Visitor, talk: str) -> None:
    page = eve.page
    await eve.sign_up()
    await page.wait_for_url("**/welcome")
    await eve.open("/markets")
    await expect(page.get_by_text("You watch no symbol yet")).to_be_visible()
    await eve.open("/credits")
    await expect(page.get_by_text("Welcome to Zmarty")).to_be_visible()
    await expect(page.get_by_text("Answer in the chat")).to_have_count(0)
    eve.expected = frozenset({404})
    await page.goto(talk)
    await expect(page.get_by_text("New conversation").last).to_be_visible()
    await expect(page.get_by_text(QUESTION)).to_have_count(0)


async def balance(page: Page) -> int:
    shown = page.get_by_test_id("balance")
    await expect(shown).not_to_have_text("–")
    return int((await shown.inner_text()).replace(",", ""))
