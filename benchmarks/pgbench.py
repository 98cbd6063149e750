"""Postgres' own load generator: what the database can do when the client costs nothing."""

from __future__ import annotations

import asyncio
import re
import subprocess
import tempfile

from benchmarks.databases import Database
from local_stack.clusters import SUPERUSER, server_binaries

SECONDS_MAX = 300
BRANCHES = 10
_RATE = re.compile(r"^tps = ([\d.]+)", re.MULTILINE)


class PgbenchFailed(Exception):
    """pgbench is missing or refused the script."""


async def transactions_per_second(
    database: Database, statement: str, *, transactions: int, clients: int = 1
) -> float:
    """Run `statement` this many times in all, each a transaction, prepared, over `clients` connections."""
    return await asyncio.to_thread(_run, database, statement, transactions, clients)


def fill(database: Database) -> None:
    """Make pgbench's own tables: ten branches, so that its clients do not all wait for one row."""
    _pgbench(database.dsn(SUPERUSER), "--initialize", "--quiet", f"--scale={BRANCHES}")


async def tpc_b_per_second(database: Database, *, transactions: int, clients: int) -> float:
    """pgbench's built-in TPC-B, prepared: three updates, one read and one insert in each transaction."""
    assert transactions % clients == 0, "each client does the same share"
    shares = (f"--client={clients}", f"--transactions={transactions // clients}")
    return await asyncio.to_thread(
        _rate_of, database.dsn(SUPERUSER), "--no-vacuum", "--protocol=prepared", *shares
    )


def _run(database: Database, statement: str, transactions: int, clients: int) -> float:
    assert transactions % clients == 0, "each client does the same share"
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
        script.write(statement + ";\n")
        script.flush()
        return _rate_of(
            database.dsn(),
            "--no-vacuum",
            "--protocol=prepared",
            f"--client={clients}",
            f"--transactions={transactions // clients}",
            f"--file={script.name}",
        )


def _rate_of(dsn: str, *options: str) -> float:
    found = _RATE.search(told := _pgbench(dsn, *options))
    if found is None:
        raise PgbenchFailed(told.strip()[-1000:])
    return float(found[1])


def _pgbench(dsn: str, *options: str) -> str:
    done = subprocess.run(
        [str(server_binaries() / "pgbench"), *options, dsn],
        capture_output=True,
        text=True,
        timeout=SECONDS_MAX,
        check=False,
    )
    if done.returncode:
        raise PgbenchFailed(done.stderr.strip()[-1000:])
    return done.stdout
