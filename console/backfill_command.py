"""`zmarty backfill`: parses what was typed, starts or joins a backfill, shows how far it is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from console import backfill
from console.queues import looking
from console.settings import ConsoleSettings
from zmarty.errors import FieldInvalid
from zmarty.jobs import Job
from zmarty.market import Symbol, Timeframe
from zmarty.postgres import Connection

screen = Console(highlight=False)
progress_screen = Console(stderr=True, highlight=False)

# A job that nobody takes for so long tells of a worker that does not run.
UNTAKEN_SECONDS = 10.0
INTERRUPTED = 130


def backfill_candles(
    symbol: Annotated[str, typer.Argument(metavar="SYMBOL", help="BTC/USDT, BTC-USDT or BTC.")],
    timeframe: Annotated[str, typer.Option(help="1m, 5m, 15m, 30m, 1h, 4h, 1d or 1w.")] = "1h",
    since: Annotated[
        str | None,
        typer.Option(
            help="The oldest date wanted, like 2024-01-01; without it a backfill under way is followed."
        ),
    ] = None,
    detach: Annotated[bool, typer.Option("--detach", help="Start it and do not wait.")] = False,
    cancel: Annotated[
        bool, typer.Option("--cancel", help="Stop the one under way; what it filled stays.")
    ] = False,
) -> None:
    """Fill the gaps and the missing history of a symbol's candles; Ctrl-C leaves the work running."""
    wish = Wish(symbol, timeframe, since)
    settings = ConsoleSettings.read()
    if cancel:
        job = asyncio.run(stop(settings, wish))
        screen.print(
            f"[green]✓[/] the backfill of {wish} is cancelled"
            if job.ended_at
            else f"[green]✓[/] the backfill of {wish} stops after its page"
        )
        return
    try:
        job = asyncio.run(run(settings, wish, detach=detach))
    except KeyboardInterrupt:
        screen.print()
        print_how_to_go_on(wish)
        raise typer.Exit(INTERRUPTED) from None
    if detach:
        screen.print(f"[green]✓[/] the backfill of {wish} is under way: job {job.id}")
        print_how_to_go_on(wish)
    else:
        print_end(wish, job)


class Wish:
    """What was typed, read. Raises FieldInvalid and SymbolUnsupported."""

    def __init__(self, symbol: str, timeframe: str, since: str | None) -> None:
        self.symbol = Symbol.parse(symbol)
        self.timeframe = Timeframe.parse(timeframe)
        self.since = backfill.since_from(since) if since is not None else None

    def __str__(self) -> str:
        return f"{self.symbol} {self.timeframe}"


async def stop(settings: ConsoleSettings, wish: Wish) -> Job:
    async with looking(settings) as trading:
        return await backfill.cancel(trading, wish.symbol, wish.timeframe)


async def run(settings: ConsoleSettings, wish: Wish, *, detach: bool) -> Job:
    """Start the backfill, or join the one under way, and follow it to its end; `detach` follows nothing."""
    async with looking(settings) as trading:
        job_id = await start_or_join(trading, wish)
        async with shown(wish) as show:
            async for job in backfill.follow(trading, job_id):
                if detach:
                    return job
                show(job)
        return job


async def start_or_join(trading: Connection, wish: Wish) -> UUID:
    job_id = await backfill.under_way(trading, wish.symbol, wish.timeframe)
    if job_id is not None:
        screen.print(f"a backfill of {wish} is under way already: job {job_id}")
        return job_id
    if wish.since is None:
        raise FieldInvalid("since", f"is needed, as no backfill of {wish} is under way")
    return await backfill.start(trading, wish.symbol, wish.timeframe, wish.since)


@asynccontextmanager
async def shown(wish: Wish) -> AsyncIterator[Any]:
    with Progress(
        TextColumn(str(wish)),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("candles"),
        TextColumn("{task.fields[reached]}"),
        TimeRemainingColumn(),
        console=progress_screen,
    ) as bars:
        bar = bars.add_task("", total=None, reached="waiting for a worker")

        def show(job: Job) -> None:
            told = job.detail
            is_untaken = job.state == "queued"
            waited = (datetime.now(UTC) - job.created_at).total_seconds()
            reached = str(told.get("reached", ""))[:10]
            if is_untaken and waited > UNTAKEN_SECONDS:
                reached = "no worker has taken it yet; does one run? See `zmarty doctor`"
            elif is_untaken:
                reached = "waiting for a worker"
            bars.update(
                bar,
                total=told.get("bars_missing"),
                completed=sum(
                    told.get(name, 0) for name in ("bars_saved", "bars_absent", "bars_unreachable")
                ),
                reached=reached,
            )

        yield show


def print_how_to_go_on(wish: Wish) -> None:
    command = f"zmarty backfill {wish.symbol} --timeframe {wish.timeframe}"
    screen.print(f"It goes on without this terminal. Follow it: {command}", soft_wrap=True)
    screen.print(f"Stop it: {command} --cancel", soft_wrap=True)


def print_end(wish: Wish, job: Job) -> None:
    if job.state == "cancelled":
        screen.print(f"[yellow]![/] the backfill of {wish} was cancelled; what it filled stays")
        raise typer.Exit(1)
    if job.state == "failed":
        screen.print(f"[red]✗[/] {escape(job.error or 'the worker gives no reason')}", soft_wrap=True)
        raise typer.Exit(1)
    told = job.result or {}
    screen.print(
        f"[green]✓[/] {wish}: {told['bars_saved']:,} candles from {told['exchange']}", soft_wrap=True
    )
    if told["bars_absent"]:
        screen.print(
            f"  {told['bars_absent']:,} more were never traded there: halts, and the time before its listing"
        )
    if told["bars_unreachable"]:
        screen.print(
            f"  {told['bars_unreachable']:,} could not be had; another exchange may have them: EXCHANGES"
        )
