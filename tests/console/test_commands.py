"""The command line as an operator uses it against databases that the environment names."""

import os
import subprocess
import sys

from console.migrations import REPOSITORY
from tests.support.command_line import COMMAND_SECONDS, SCREEN, zmarty
from tests.support.databases import TemplateCluster


def interpreted(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Not forked from anything: the interpreter reads the module itself, as the installed script does."""
    return subprocess.run(
        [sys.executable, "-m", "console", *arguments],
        env={**os.environ, **SCREEN, **environment},
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
        timeout=COMMAND_SECONDS,
    )


def test_migrate_says_what_is_pending_and_applies_it(bare_cluster: TemplateCluster) -> None:
    with bare_cluster.clone() as chat, bare_cluster.clone() as trading:
        databases = {"CHAT_OWNER_DATABASE_URL": chat.dsn(), "TRADING_DATABASE_URL": trading.dsn()}

        before = zmarty("migrate", "--status", **databases)
        only_chat = zmarty("migrate", "--database", "chat", **databases)
        both = zmarty("migrate", **databases)
        after = zmarty("migrate", "--status", **databases)

    assert before.returncode == 1
    assert "pending 20261121000100_create_roles_and_schemas.sql" in before.stdout
    assert only_chat.returncode == 0
    assert "trading" not in only_chat.stdout
    assert "chat is up to date" in both.stdout
    assert after.returncode == 0


def test_an_unreachable_database_is_one_line() -> None:
    refused = interpreted(
        "grant", "a@example.com", "5", "--reason", "x", CHAT_DATABASE_URL="postgresql://u@127.0.0.1:1/x"
    )

    assert refused.returncode == 1
    assert refused.stderr.startswith("✗")
    assert "Traceback" not in refused.stderr


def test_a_verb_without_a_database_says_what_to_set(bare_cluster: TemplateCluster) -> None:
    with bare_cluster.clone() as trading:
        refused = zmarty("tier", "a@example.com", "pro", TRADING_DATABASE_URL=trading.dsn())

    assert refused.returncode == 1
    assert "CHAT_OWNER_DATABASE_URL" in refused.stderr
