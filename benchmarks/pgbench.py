"""Postgres' own load generator: what the database can do when the client costs nothing."""

from __future__ import annotations

import asyncio
import re
import subprocess
import tempfile

from benchmarks.databases import Database
from local_stack.clusters import server_binaries

SECONDS_MAX = 300
_RATE = re.compile(r"^tps = ([\d.]+)", re.MULTILINE)


class PgbenchFailed(Exception):
    """pgbench is missing or refused the script."""


async def transactions_per_second(
    database: Database, statement: str, *, transactions: int, clients: int = 1
) -> float:
    """Run `statement` this many times in all, each a transaction, prepared, over `clients` connections."""
    return await asyncio.to_thread(_run, database, statement, transactions, clients)


def _run(database: Database, statement: str, transactions: int, clients: int) -> float:
    assert transactions % clients == 0, "each client does the same share"
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
        script.write(statement + ";\n")
        script.flush()
        command = [
            str(server_binaries() / "pgbench"),
            "--no-vacuum",
            "--protocol=prepared",
            f"--client={clients}",
            f"--transactions={transactions // clients}",
            f"--file={script.name}",
            database.dsn(),
        ]
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS_MAX, check=False)
    found = _RATE.search(done.stdout)
    if done.returncode or found is None:
        raise PgbenchFailed(done.stderr.strip()[-1000:])
    return float(found[1])
