"""An operator's morning in the browser: a job was buried; they look at it, mend the cause, retry it, and see it succeed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
from playwright.async_api import expect

from tests.browser.conftest import Visitor

QUEUE = "ingest_indicators"
BODY = {"symbol": "DOT/USDT", "timeframe": "4h"}


async def test_a_buried_job_is_looked_at_retried_and_succeeds(
    visit: Callable[..., Awaitable[Visitor]],
) -> None:
    boss = await visit()
    page = boss.page
    trading = await asyncpg.connect(boss.status["trading_database"])
    # The symbol is not known yet: the job is buried at once.
    await trading.execute("delete from instruments where symbol = $1", BODY["symbol"])
    await trading.execute(f"select pgmq.send('{QUEUE}', $1::text::jsonb)", json.dumps(BODY))

    await boss.sign_up()
    await page.wait_for_url("**/welcome")
    await boss.open("/admin/dead-letters")
    await expect(page.get_by_role("heading", name="This page is for operators")).to_be_visible()
    boss.system.token(boss.email, is_operator=True)
    await page.get_by_role("button", name="Check again").click()

    await page.get_by_role("button", name="symbol_unknown").filter(has_text="DOT/USDT").click()
    letter = page.get_by_role("dialog")
    await expect(letter.get_by_text('"symbol": "DOT/USDT"')).to_be_visible()
    await boss.picture("letter")
    await trading.execute("insert into instruments (symbol) values ($1)", BODY["symbol"])
    await letter.get_by_role("button", name="Retry", exact=True).click()
    await page.get_by_role("dialog", name="Retry 1 dead letter?").get_by_role("button", name="Retry").click()
    await expect(page.get_by_text("1 dead letter retried.")).to_be_visible()

    await until_ingested(trading)
    await boss.open("/admin")
    await expect(page.get_by_role("heading", name="Admin")).to_be_visible()
    await boss.open("/admin/audit")
    await expect(page.get_by_role("row", name=f"{boss.email} dead letters retry")).to_contain_text("done")
    await trading.close()


async def until_ingested(trading: Any) -> None:
    for _ in range(300):
        if await trading.fetchval("select exists (select from candles where symbol = $1)", BODY["symbol"]):
            return
        await asyncio.sleep(0.2)
    raise AssertionError("the retried job brought no candles")
