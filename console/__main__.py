"""The command `zmarty`: parses what was typed, calls one verb, prints its answer."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import entry_points
from pathlib import Path
from typing import Annotated, Literal

import asyncpg
import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from console import (
    accounts,
    candle_file,
    credits,
    doctor,
    mirror,
    queue_commands,
    queues,
    report_commands,
    risk,
    service_key_commands,
    service_keys,
)
from console.anchors import AnchorsInvalid
from console.audit import operator
from console.backfill import BackfillUnknown
from console.backfill_command import backfill_candles
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
from orchestrator_worker.reconcile.difference import Findings, Kind
from zmarty.errors import ZmartyError
from zmarty.market import Symbol, Timeframe
from zmarty.specs import Trading

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Run and look after Zmarty.",
)
app.add_typer(queue_commands.app, name="queue")
app.command("backfill")(backfill_candles)
app.add_typer(risk.app, name="risk")
app.add_typer(report_commands.app, name="report")
app.add_typer(service_key_commands.app, name="service-key")
screen = Console(highlight=False)
complaints = Console(stderr=True, highlight=False)

# What an operator can do something about is one line; anything else is a fault of ours and shows its traceback.
REFUSALS = (
    AnchorsInvalid,
    DatabaseUnnamed,
    MigrationFailed,
    MigrationsMissing,
    accounts.TierUnknown,
    accounts.UserUnknown,
    queues.NothingChosen,
    queues.QueueUnknown,
    queue_commands.NotConfirmed,
    BackfillUnknown,
    candle_file.CandlesUnreadable,
    report_commands.ReportRefused,
    service_keys.ServiceKeyRefused,
    ZmartyError,
    asyncpg.PostgresError,
    OSError,
    TimeoutError,
)

# What the database's own words leave open.
ADVICE: dict[type[Exception], str] = {
    asyncpg.UndefinedFunctionError: "this database lacks a migration: run `zmarty migrate`",
    asyncpg.UndefinedTableError: "this database lacks a migration: run `zmarty migrate`",
    asyncpg.UndefinedColumnError: "this database lacks a migration: run `zmarty migrate`",
    asyncpg.InvalidSchemaNameError: "this database lacks a migration: run `zmarty migrate`",
    asyncpg.InsufficientPrivilegeError: "use the owner's login: CHAT_OWNER_DATABASE_URL, TRADING_OWNER_DATABASE_URL",
    asyncpg.InvalidAuthorizationSpecificationError: "check user and password of the address",
    OSError: "is the database up, and its address right? `zmarty doctor` looks at everything",
}


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


@app.command("replay")
def replay_strategy(
    symbol: str,
    timeframe: Annotated[str, typer.Option(help="1m, 5m, 15m, 30m, 1h, 4h, 1d or 1w.")] = "1h",
    since: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"], help="UTC; the whole history when absent."),
    ] = None,
    strategy: Annotated[
        str, typer.Option(help="signals, sma_cross, or with options: sma_cross:fast=10,slow=30.")
    ] = "signals",
    file: Annotated[Path | None, typer.Option(help="Candles to replay instead of the database's.")] = None,
    output: Annotated[Path | None, typer.Option(help="Write the report here, as one HTML file.")] = None,
    positions: Annotated[int, typer.Option(min=1, help="How many positions at once.")] = 1,
    draws: Annotated[int, typer.Option(min=100, help="Random entries to compare with.")] = 1_000,
) -> None:
    """Replay a strategy over history: statistics against holding and luck, and a report."""
    # What calculates takes longer to load than most of the other verbs take to run.
    from console import replay

    known, bars = Symbol.parse(symbol), Timeframe.parse(timeframe)
    start = since.replace(tzinfo=UTC) if since else None
    chosen = replay.parse_strategy(strategy)
    if file is not None:
        candles = replay.read_candles(file, bars, now=datetime.now(UTC))
    else:
        dsn = ConsoleSettings.read().dsn("trading")
        candles = asyncio.run(replay.stored_candles(dsn, known, bars, since=start))
    with Progress(TextColumn("{task.description}"), BarColumn(), transient=True, console=screen) as progress:
        task = progress.add_task(f"replaying {candles.height:,} candles", total=1.0)
        done = replay.replay_candles(
            candles,
            symbol=known,
            timeframe=bars,
            since=start,
            strategy=chosen,
            trading=Trading(positions_max=positions, fraction=1.0 / positions, draws=draws),
            report=lambda share: progress.update(task, completed=share),
        )
    screen.print(replay.table_of(done.document))
    screen.print(f"[bold]{replay.sparkline(done.document)}[/] equity")
    if output is not None:
        replay.write_report(done, output)
        screen.print(f"[green]✓[/] {output}")


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
    kind: Annotated[Literal["bonus", "purchased"], typer.Option(help="What they are.")] = "bonus",
    expires: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The UTC day on which they end.")
    ] = None,
    key: Annotated[str | None, typer.Option(help="Grant only once for this key.")] = None,
) -> None:
    """Grant credits to a user."""
    dsn = ConsoleSettings.read().dsn("chat")
    ends_at = expires.replace(tzinfo=UTC) if expires else None
    balance = asyncio.run(
        accounts.grant_credits(dsn, email, credits_granted, reason, key=key, kind=kind, expires_at=ends_at)
    )
    screen.print(f"[green]✓[/] {escape(email)} now has {balance} credits")


@app.command()
def refund(
    entry_id: Annotated[int, typer.Argument(metavar="ENTRY_ID", min=1)],
    reason: Annotated[str, typer.Option(help="Why; it is kept in the ledger and the audit log.")],
    credits_refunded: Annotated[
        int | None,
        typer.Option("--credits", min=1, help="A part; all that is left of the charge unless given."),
    ] = None,
    key: Annotated[str | None, typer.Option(help="Refund only once for this key.")] = None,
) -> None:
    """Give back a charge, or a part of it."""
    dsn = ConsoleSettings.read().dsn("chat")
    done = asyncio.run(accounts.refund_charge(dsn, entry_id, credits_refunded, reason, key=key))
    screen.print(f"[green]✓[/] {done.amount} credits given back; the user now has {done.balance}")


@app.command()
def tier(email: str, name: Annotated[str, typer.Argument(metavar="TIER")]) -> None:
    """Move a user to a tier: free, starter, pro or enterprise."""
    before = asyncio.run(accounts.set_tier(ConsoleSettings.read().dsn("chat"), email, name))
    screen.print(f"[green]✓[/] {escape(email)}: {before} → {name}")


@app.command()
def reconcile(
    what: Annotated[
        Literal["mirror", "credits"],
        typer.Argument(help="The mirror of users' data, or the ledger of credits."),
    ] = "mirror",
    repair: Annotated[bool, typer.Option("--repair", help="Have what differs sent again; audited.")] = False,
    retry_parked: Annotated[
        bool, typer.Option("--retry-parked", help="With --repair: try again what was refused for good.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
    actor: Annotated[
        str | None,
        typer.Option(help="Who is doing this, for the audit log; your user and host unless given."),
    ] = None,
) -> None:
    """Compare what is derived with what it comes from; ends with 1 when they differ.

    The mirror in the trading database with the chat database, row by row. Or, with `credits`, balances, holds and grants
    with the entries of the ledger.
    """
    if retry_parked and not repair:
        raise typer.BadParameter("needs --repair", param_hint="--retry-parked")
    settings = ConsoleSettings.read()
    if what == "credits":
        if retry_parked:
            raise typer.BadParameter("is about the mirror", param_hint="--retry-parked")
        raise typer.Exit(reconcile_credits(settings.dsn("chat"), repair, as_json, operator(actor)))
    findings, retried = asyncio.run(compare_mirror(settings, repair, retry_parked, operator(actor)))
    if as_json:
        screen.print_json(data={**findings.summary(), "retried": retried})
    else:
        print_mirror(findings, retried, repair)
    raise typer.Exit(1 if findings.differences > findings.repaired else 0)


def reconcile_credits(dsn: str, repair: bool, as_json: bool, actor: str) -> int:
    found = asyncio.run(credits.compare(dsn))
    left = asyncio.run(credits.repair(dsn, found, actor=actor)) if repair and found else found
    if as_json:
        told = [{**asdict(difference), "user_id": str(difference.user_id)} for difference in left]
        screen.print_json(data={"found": len(found), "differences": told})
        return 1 if left else 0
    for difference in left:
        screen.print(
            f"[red]✗[/] user {difference.user_id}: {difference.subject} is {difference.recorded}, "
            f"its entries make it {difference.rebuilt}",
            soft_wrap=True,
        )
    if repair and found:
        screen.print(f"[green]✓[/] {len(found) - len(left)} of {len(found)} differences repaired")
    elif not left:
        screen.print("[green]✓[/] every balance, hold and grant is what its entries make of it")
    else:
        screen.print(
            "  → `zmarty reconcile credits --repair` derives them from the entries again", soft_wrap=True
        )
    return 1 if left else 0


async def compare_mirror(
    settings: ConsoleSettings, repair: bool, retry_parked: bool, actor: str
) -> tuple[Findings, int]:
    with Progress(
        TextColumn("comparing"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=complaints
    ) as bar:
        rows = bar.add_task("comparing", total=await mirror.rows_to_compare(settings))

        async def report(compared: int) -> bool:
            bar.update(rows, completed=compared)
            return True

        if repair:
            found = await mirror.repair(settings, report, actor=actor, retry_parked=retry_parked)
        else:
            found = await mirror.compare(settings, report), 0
        compared = sum(found[0].compared.values())
        bar.update(rows, completed=compared, total=compared)
    return found


def print_mirror(findings: Findings, retried: int, repair: bool) -> None:
    for table, compared in findings.compared.items():
        counts = findings.counts.get(table, {})
        mark = "[green]✓[/]" if set(counts) <= {Kind.PENDING} else "[red]✗[/]"
        said = ", ".join(f"{number} {kind}" for kind, number in counts.items()) or "as it should be"
        screen.print(f"{mark} {table}: {compared} compared, {said}")
    for difference in findings.listed:
        pair = f" {difference.pair}" if difference.symbol else ""
        screen.print(f"  {difference.table} {difference.kind}: user {difference.user_id}{pair}")
    if findings.differences > len(findings.listed):
        screen.print(f"  … and {findings.differences - len(findings.listed)} more")
    if repair:
        screen.print(f"[green]✓[/] {findings.repaired} sent again, {retried} parked changes tried again")
    elif findings.differences:
        screen.print("  → `zmarty reconcile --repair` has the truth sent again", soft_wrap=True)
    if findings.parked_rows:
        screen.print(
            f"[yellow]![/] {findings.parked_rows} changes are parked: refused for good until somebody mends the cause; "
            "then --repair --retry-parked",
            soft_wrap=True,
        )


def main() -> None:
    # The local system's verbs, where its package is installed; production has none.
    for entry in entry_points(group="zmarty.commands"):
        app.add_typer(entry.load())
    try:
        app()
    except REFUSALS as error:
        complaints.print(f"[red]✗[/] {escape(str(error) or type(error).__name__)}", soft_wrap=True)
        if advice := next((text for kind, text in ADVICE.items() if isinstance(error, kind)), None):
            complaints.print(f"  → {advice}", soft_wrap=True)
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
