"""Named statements: every one is valid against the migrated schema, and every name has a caller."""

import importlib
import re
from pathlib import Path

import asyncpg
import pytest

from zmarty import queue, sql
from zmarty.messages import QUEUES
from zmarty.postgres import Pool

ROOT = Path(__file__).parents[2]
FILES = sorted(
    path.relative_to(ROOT)
    for package in ("zmarty", "console", "orchestrator_api", "orchestrator_worker")
    for path in (ROOT / package).rglob("queries.sql")
)
PACKAGES = [".".join(path.parent.parts) for path in FILES]


@pytest.mark.parametrize("package", PACKAGES)
def test_every_name_has_a_caller(package: str) -> None:
    folder = Path(*importlib.import_module(package).__path__)
    code = "\n".join(path.read_text() for path in folder.glob("*.py"))
    for name in sql.load(package):
        assert re.search(rf"""["']{name}["']""", code), f"{package}/queries.sql: nobody runs {name}"


@pytest.mark.parametrize("package", PACKAGES)
async def test_every_statement_is_valid(package: str, chat: Pool, trading: Pool) -> None:
    for name, text in sql.load(package).items():
        faults = []
        texts = [text] if package != "zmarty" else [queue.statements(kind.queue)[name] for kind in QUEUES]
        for pool in (chat, trading):
            try:
                async with pool.acquire() as connection:
                    for statement in texts:
                        await connection.prepare(statement)
                break
            except asyncpg.PostgresError as error:
                faults.append(str(error))
        else:
            pytest.fail(f"{package}/queries.sql {name}: {faults}")
