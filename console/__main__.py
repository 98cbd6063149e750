"""The command `zmarty`: parses what was typed, calls one verb, prints its answer."""

from __future__ import annotations

import asyncio
from importlib.metadata import entry_points
from typing import Annotated, Literal

import asyncpg
import typer
from rich.console import Console
from rich.markup import escape

from console import accounts, doctor
from console.migrations import (
    Migration,
    MigrationFailed,
    MigrationsMissing,
    apply_pending,
    migrations_folder,
    read_migrations,
    read_standing,
)
from console.settings import DATABASES, ConsoleSettings, DatabaseKind, DatabaseUnnamed

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Run and look after Zmarty.",
)
screen = Console(highlight=False)
complaints = Console(stderr=True, highlight=False)

# What an operator can do something about is one line; anything else is a fault of ours and shows its traceback.
REFUSALS = (
    DatabaseUnnamed,
    MigrationFailed,
    MigrationsMissing,
    accounts.TierUnknown,
    accounts.UserUnknown,
    asyncpg.PostgresError,
    OSError,
    TimeoutError,
)


@app.command()
def migrate(
    status: Annotated[
        bool, typer.Option("--status", help="Only say what is pending or has changed.")
    ] = False,
    database: Annotated[
        Literal["chat", "trading"] | None, typer.Option(help="One database only; default both.")
    ] = None,
) -> None:
    """Apply the pending migrations of both databases, or say how they stand."""
    settings = ConsoleSettings.read()
    chosen = [database] if database else list(DATABASES)
    if status:
        well = [asyncio.run(print_standing(settings, name)) for name in chosen]
        raise typer.Exit(0 if all(well) else 1)
    for name in chosen:
        asyncio.run(migrate_database(settings, name))


async def migrate_database(settings: ConsoleSettings, database: DatabaseKind) -> None:
    migrations = read_migrations(migrations_folder(database))

    def report(migration: Migration) -> None:
        screen.print(f"[green]✓[/] {database} {migration.file}")

    applied = await apply_pending(settings.dsn(database), migrations, report=report)
    if not applied:
        screen.print(f"[green]✓[/] {database} is up to date ({len(migrations)} migrations)")


async def print_standing(settings: ConsoleSettings, database: DatabaseKind) -> bool:
    standing = await read_standing(settings.dsn(database), read_migrations(migrations_folder(database)))
    screen.print(f"[bold]{database}[/] {len(standing.applied)} applied, {len(standing.pending)} pending")
    for migration in standing.pending:
        screen.print(f"  [yellow]pending[/] {migration.file}")
    for migration in standing.changed:
        screen.print(f"  [red]changed since it was applied[/] {migration.file}")
    for entry in standing.unknown:
        screen.print(f"  [yellow]applied, but without a file here[/] {entry.version}_{entry.name}")
    return not standing.pending and not standing.changed


@app.command("doctor")
def examine() -> None:
    """Check the environment, both databases, the schedules and the edge function; say what to do."""
    if not asyncio.run(print_findings(ConsoleSettings.read())):
        raise typer.Exit(1)


async def print_findings(settings: ConsoleSettings) -> bool:
    all_well = True
    async for finding in doctor.examine(settings):
        mark = "[green]✓[/]" if finding.is_well else "[red]✗[/]"
        screen.print(f"{mark} {finding.subject}: {escape(finding.seen)}", soft_wrap=True)
        if not finding.is_well:
            all_well = False
            screen.print(f"  → {escape(finding.advice)}", soft_wrap=True)
    return all_well


@app.command()
def grant(
    email: str,
    credits_granted: Annotated[int, typer.Argument(metavar="CREDITS", min=1, max=1_000_000)],
    reason: Annotated[str, typer.Option(help="Why; it is kept in the ledger and the audit log.")],
    key: Annotated[str | None, typer.Option(help="Grant only once for this key.")] = None,
) -> None:
    """Grant credits to a user."""
    dsn = ConsoleSettings.read().dsn("chat")
    balance = asyncio.run(accounts.grant_credits(dsn, email, credits_granted, reason, key=key))
    screen.print(f"[green]✓[/] {escape(email)} now has {balance} credits")


@app.command()
def tier(email: str, name: Annotated[str, typer.Argument(metavar="TIER")]) -> None:
    """Move a user to a tier: free, starter, pro or enterprise."""
    before = asyncio.run(accounts.set_tier(ConsoleSettings.read().dsn("chat"), email, name))
    screen.print(f"[green]✓[/] {escape(email)}: {before} → {name}")


def main() -> None:
    # The local system's verbs, where its package is installed; production has none.
    for entry in entry_points(group="zmarty.commands"):
        app.add_typer(entry.load())
    try:
        app()
    except REFUSALS as error:
        complaints.print(f"[red]✗[/] {escape(str(error) or type(error).__name__)}", soft_wrap=True)
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
