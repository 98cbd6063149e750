"""The blueprint's schema pages show what the migrations make. `make pages` writes them by running this with WRITE_PAGES=1."""

import os

import pytest

from local_stack.generated_pages import SCHEMA_PAGES, schema_page
from tests.conftest import Dsn
from zmarty.postgres import Pool

WRITTEN_BY_MAJOR = 15


@pytest.mark.parametrize("database", ["chat", "trading"])
async def test_the_page_shows_the_migrated_schema(
    database: str, chat: Pool, chat_dsn: Dsn, trading_dsn: Dsn
) -> None:
    major = int(await chat.fetchval("show server_version_num")) // 10_000
    if major != WRITTEN_BY_MAJOR:
        pytest.skip(
            f"pg_dump {major} words the same schema otherwise than the {WRITTEN_BY_MAJOR} the pages are made with"
        )
    made = schema_page(database, {"chat": chat_dsn, "trading": trading_dsn}[database]())

    if os.environ.get("WRITE_PAGES"):
        SCHEMA_PAGES[database].write_text(made, encoding="utf-8")

    assert SCHEMA_PAGES[database].read_text(encoding="utf-8") == made, "run `make pages`"
