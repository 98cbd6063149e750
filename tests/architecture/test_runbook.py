"""The runbook and the deploy guide can be followed: their statements run, their names exist, their links lead somewhere."""

import re
from pathlib import Path

import asyncpg
import pytest

from tests.support.databases import Database

REPOSITORY = Path(__file__).parents[2]
RUNBOOK = REPOSITORY / "docs/zmarty-blueprint/runbooks/ONCALL.md"
GUIDE = REPOSITORY / "docs/DEPLOY.md"
PRODUCTION = ("zmarty", "console", "orchestrator_api", "orchestrator_worker")
# Whatever stands before the name of a log event in the code.
EVENT = re.compile(r"(?:log\.\w+|write)\(\s*\"(\w+)\"")
BLOCK = re.compile(r"^```sql\n-- (chat|trading|both)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks(page: Path, database: str) -> list[str]:
    found = [
        text for kind, text in BLOCK.findall(page.read_text(encoding="utf-8")) if kind in (database, "both")
    ]
    assert found
    return found


@pytest.mark.parametrize("page", [RUNBOOK, GUIDE], ids=lambda page: page.stem)
def test_every_statement_says_where_it_runs(page: Path) -> None:
    text = page.read_text(encoding="utf-8")

    assert len(BLOCK.findall(text)) == text.count("```sql")


@pytest.mark.parametrize("page", [RUNBOOK, GUIDE], ids=lambda page: page.stem)
async def test_statements_for_the_chat_database_run(page: Path, chat_database: Database) -> None:
    await run_all(blocks(page, "chat"), chat_database)


@pytest.mark.parametrize("page", [RUNBOOK, GUIDE], ids=lambda page: page.stem)
async def test_statements_for_the_trading_database_run(page: Path, trading_database: Database) -> None:
    await run_all(blocks(page, "trading"), trading_database)


async def run_all(texts: list[str], database: Database) -> None:
    """As the owner, and undone afterwards: a role belongs to the whole cluster, not to this test's database."""
    connection = await asyncpg.connect(database.dsn())
    try:
        for text in texts:
            undone = connection.transaction()
            await undone.start()
            await connection.execute(text)
            await undone.rollback()
    finally:
        await connection.close()


def test_every_metric_of_the_runbook_is_exported() -> None:
    named = set(re.findall(r"`(zmarty_[a-z_]+)`", RUNBOOK.read_text(encoding="utf-8")))
    exported = set(re.findall(r"\"(zmarty_[a-z_]+)\"", source_of("orchestrator_api")))

    assert named
    assert named - exported == set()


def test_every_event_of_the_pages_is_logged() -> None:
    logged = set(EVENT.findall(source_of(*PRODUCTION)))
    pages = (RUNBOOK, *(REPOSITORY / "docs/zmarty-blueprint").glob("4*.md"))
    # Events are in the past tense or name what is wrong; these endings are no code, column or file.
    shape = re.compile(
        r"`((?:message|relay|worker|request|answer|queue|outbox|listen|drain|provider|database|heartbeat|reading|candles?)_\w+)`"
    )
    named = {name for page in pages for name in shape.findall(page.read_text(encoding="utf-8"))}

    assert {"message_ended", "relay_parked", "provider_failed"} <= named & logged
    assert named - logged - NO_EVENTS == set()


# Tables, columns and codes of the same shape.
NO_EVENTS = {
    "message_malformed",
    "outbox_parked",
    "queue_depth",
    "worker_heartbeats",
    "request_id",
    "request_in_progress",
    "request_seconds",
}


@pytest.mark.parametrize("page", [RUNBOOK, GUIDE], ids=lambda page: page.stem)
def test_links_within_a_page_lead_to_a_heading(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    headings = {
        re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        for heading in re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    }

    assert set(re.findall(r"\]\(#([^)]+)\)", text)) - headings == set()


def source_of(*packages: str) -> str:
    return "\n".join(
        file.read_text(encoding="utf-8")
        for package in packages
        for file in (REPOSITORY / package).rglob("*.py")
    )
