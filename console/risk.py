"""`zmarty risk …`: imports operators' risk anchors, after showing what would change; audited in the chat database."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from console.accounts import connect
from console.anchors import AnchorsInvalid, Change, changes_to, curves_in
from console.audit import audited, operator
from console.migrations import SQL
from console.settings import ConsoleSettings
from orchestrator_worker.risk.curve import Anchor, Curve, curve_of
from zmarty.market import Symbol
from zmarty.postgres import Connection

FILE_BYTES_MAX = 1024 * 1024

app = typer.Typer(no_args_is_help=True, help="Look after the risk metric.")
screen = Console(highlight=False)


@app.command("import")
def import_anchors(
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="symbol, risk, price and perhaps valid_from; .csv or .json."),
    ],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would change.")] = False,
    actor: Annotated[
        str | None,
        typer.Option(
            "--actor", help="Who is doing this, for the audit log; your user and host unless given."
        ),
    ] = None,
) -> None:
    """Take over the curves of a file: each counts from its day on, and what was computed before stays as it is."""
    curves = curves_in(read(file), is_json=file.suffix.lower() == ".json", today=datetime.now(UTC).date())
    changes = asyncio.run(
        imported(ConsoleSettings.read(), curves, file.name, dry_run=dry_run, actor=operator(actor))
    )
    for change in changes:
        show(change)
    told = sum(change.is_new for change in changes)
    verb = "would be imported" if dry_run else "imported"
    screen.print(f"[green]✓[/] {told} of {len(changes)} curves {verb}, {len(changes) - told} unchanged")


def read(file: Path) -> str:
    """Raises AnchorsInvalid for a file that nobody wrote by hand."""
    if file.stat().st_size > FILE_BYTES_MAX:
        raise AnchorsInvalid(f"{file} has more than {FILE_BYTES_MAX} bytes")
    try:
        return file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise AnchorsInvalid(f"{file} is not text in UTF-8") from error


def show(change: Change) -> None:
    state = f"from {change.curve.valid_from}" if change.is_new else "unchanged"
    screen.print(f"[bold]{change.symbol}[/] {state}, {len(change.curve.anchors)} anchors")
    for line in change.lines():
        screen.print(f"  {escape(line)}")


async def imported(
    settings: ConsoleSettings, curves: dict[Symbol, Curve], name: str, *, dry_run: bool, actor: str
) -> list[Change]:
    """Write what is new, in one transaction. Raises AnchorsInvalid for symbols that no instrument has."""
    trading = await connect(settings.dsn("trading"))
    try:
        changes = changes_to(curves, await known_curves(trading, list(curves)))
        new = [change for change in changes if change.is_new]
        if dry_run or not new:
            return changes
        # Chat first: what cannot be audited is not done.
        chat = await connect(settings.dsn("chat"))
        try:
            asked = {"file": name, "symbols": [change.symbol for change in new]}
            async with audited(chat, actor, "risk_import", "risk_anchors", asked) as result:
                async with trading.transaction():
                    for change in new:
                        await save(trading, change)
                result["curves"] = {change.symbol: change.lines() for change in new}
        finally:
            await chat.close()
        return changes
    finally:
        await trading.close()


async def known_curves(trading: Connection, symbols: list[Symbol]) -> dict[Symbol, list[Curve]]:
    unknown = [row["symbol"] for row in await trading.fetch(SQL["symbols_unknown"], symbols)]
    if unknown:
        raise AnchorsInvalid(f"no instrument is called {', '.join(unknown)}")
    known: dict[Symbol, list[Curve]] = {}
    rows = await trading.fetch(SQL["risk_anchors"], symbols)
    for (symbol, valid_from), anchors in groupby(rows, key=lambda row: (row["symbol"], row["valid_from"])):
        curve = curve_of(valid_from, [Anchor(row["risk"], row["price"]) for row in anchors])
        known.setdefault(Symbol(symbol), []).append(curve)
    return known


async def save(trading: Connection, change: Change) -> None:
    """A curve of the same day gives way: nobody has computed with it yet that could not be told again tomorrow."""
    anchors, day = change.curve.anchors, change.curve.valid_from
    await trading.execute(SQL["forget_curve"], change.symbol, day)
    await trading.execute(
        SQL["save_curve"],
        change.symbol,
        day,
        [anchor.risk for anchor in anchors],
        [anchor.price for anchor in anchors],
    )
