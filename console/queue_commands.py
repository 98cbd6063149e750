"""`zmarty queue …`: parses what was typed, asks before anything is lost, calls one verb, prints its answer."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Annotated, Any, TypeVar

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from console import queues
from console.audit import operator
from console.queues import Desk, NothingChosen, Report
from console.settings import ConsoleSettings

app = typer.Typer(
    no_args_is_help=True,
    help="Look at the job queues and change them by hand. Every change is audited in the chat database: the intent "
    "before, the result after; without the first nothing is done.",
)
screen = Console(highlight=False)
progress_screen = Console(stderr=True, highlight=False)

ERROR_WIDTH = 80
# Terminals with room for what is asked less often.
WIDE = 100
PROGRESS_FROM = 1

Found = TypeVar("Found")

QueueArgument = Annotated[
    str, typer.Argument(metavar="QUEUE", help="A job queue; `zmarty queue stats` lists them.")
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Print JSON for programs instead of text for people.")
]
ActorOption = Annotated[
    str | None,
    typer.Option("--actor", help="Who is doing this, for the audit log; your user and host unless given."),
]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
LettersArgument = Annotated[
    list[int] | None,
    typer.Argument(metavar="[ID]...", help="Ids of dead letters; see `zmarty queue peek QUEUE --dead`."),
]


class NotConfirmed(Exception):
    """Nothing was changed, because nobody said yes."""


@app.command("stats")
def show_stats(as_json: JsonOption = False) -> None:
    """Show depth, oldest due age, dead letters, bloat (rows that vacuum has to clear) and pauses of every queue."""
    found = look_at(queues.stats)
    if as_json:
        return print_json(found)
    screen.print(stats_table(found["queues"], is_wide=screen.width >= WIDE))
    for row in found["queues"]:
        if row["paused_at"]:
            screen.print(
                f"{row['queue']} is paused by {escape(row['paused_by'])} since {moment(row['paused_at'])}",
                soft_wrap=True,
            )
    if horizon := found["horizon"]:
        screen.print(
            f"Oldest open transaction: {duration(horizon['age_seconds'])}, {escape(horizon['application_name'] or '?')} "
            f"(pid {horizon['pid']}, {horizon['state']}). Until it ends, vacuum cannot clear the bloat."
        )
    if any(row["dead"] for row in found["queues"]):
        screen.print("Look at dead letters with `zmarty queue peek QUEUE --dead`.")
    return None


@app.command()
def peek(
    queue: QueueArgument,
    dead: Annotated[
        bool, typer.Option("--dead", help="The dead letters instead of the messages that wait.")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, max=queues.PEEK_MAX, help="How many at most.")] = 20,
    as_json: JsonOption = False,
) -> None:
    """Show messages without taking them: those due first, or with --dead the newest dead letters."""
    look = queues.peek_dead if dead else queues.peek
    rows = look_at(look, queue, limit=limit)
    if as_json:
        return print_json(rows)
    if not rows:
        screen.print(f"[green]✓[/] {queue} has no dead letters" if dead else f"{queue} is empty")
        return None
    screen.print(letters_table(rows) if dead else messages_table(rows))
    if dead:
        screen.print(
            f"`zmarty queue retry {queue} ID…` sends them again, `discard` puts them aside.", soft_wrap=True
        )
    return None


@app.command()
def retry(
    queue: QueueArgument,
    letters: LettersArgument = None,
    everything: Annotated[
        bool, typer.Option("--all", help=f"Every dead letter of now, at most {queues.LETTERS_MAX:,}.")
    ] = False,
    actor: ActorOption = None,
    as_json: JsonOption = False,
) -> None:
    """Send the originals of dead letters again, as new messages. Safe to repeat: a letter is sent once."""

    async def work(at: Desk) -> dict[str, int]:
        chosen = await choose(at, queue, letters, everything)
        with progress(f"retrying {queue}", len(chosen)) as report:
            return {"asked": len(chosen), "retried": await queues.retry(at, queue, chosen, report=report)}

    print_count(act(work, actor), "retried", queue, as_json)


@app.command()
def discard(
    queue: QueueArgument,
    letters: LettersArgument = None,
    everything: Annotated[
        bool, typer.Option("--all", help=f"Every dead letter of now, at most {queues.LETTERS_MAX:,}.")
    ] = False,
    yes: YesOption = False,
    actor: ActorOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put dead letters aside without doing their work. They stay in the archive until it is pruned."""

    async def work(at: Desk) -> dict[str, int]:
        chosen = await choose(at, queue, letters, everything)
        confirm(f"Discard {len(chosen):,} dead letters of {queue}?", yes=yes or not chosen)
        with progress(f"discarding {queue}", len(chosen)) as report:
            return {"asked": len(chosen), "discarded": await queues.discard(at, queue, chosen, report=report)}

    print_count(act(work, actor), "discarded", queue, as_json)


@app.command()
def purge(
    queue: QueueArgument, yes: YesOption = False, actor: ActorOption = None, as_json: JsonOption = False
) -> None:
    """Delete every message that waits in a queue, for good. Dead letters stay; pause the queue first to be exact."""

    async def work(at: Desk) -> dict[str, int]:
        depth = await queues.length(at.trading, queue)
        confirm(f"Delete {depth:,} messages of {queue}? They cannot be brought back.", yes=yes or not depth)
        with progress(f"purging {queue}", depth) as report:
            return {"asked": depth, "purged": await queues.purge(at, queue, depth=depth, report=report)}

    print_count(act(work, actor), "purged", queue, as_json, noun="messages")


@app.command()
def pause(queue: QueueArgument, actor: ActorOption = None, as_json: JsonOption = False) -> None:
    """Hand out no more messages of a queue until it is resumed, through restarts too. Running jobs finish."""

    async def work(at: Desk) -> bool:
        return await queues.pause(at, queue)

    changed = act(work, actor)
    if as_json:
        return print_json({"queue": queue, "paused": True, "changed": changed})
    screen.print(f"[green]✓[/] {queue} is paused" if changed else f"{queue} was paused already")
    screen.print(f"`zmarty queue resume {queue}` lets it go on.")
    return None


@app.command()
def resume(queue: QueueArgument, actor: ActorOption = None, as_json: JsonOption = False) -> None:
    """Hand out the messages of a paused queue again, at once."""

    async def work(at: Desk) -> bool:
        return await queues.resume(at, queue)

    changed = act(work, actor)
    if as_json:
        return print_json({"queue": queue, "paused": False, "changed": changed})
    screen.print(f"[green]✓[/] {queue} goes on" if changed else f"{queue} was not paused")
    return None


def look_at(look: Callable[..., Awaitable[Found]], *arguments: Any, **named: Any) -> Found:
    # Read before there is an event loop: the local system, where it is asked, is asked in a loop of its own.
    settings = ConsoleSettings.read()

    async def connected() -> Found:
        async with queues.looking(settings) as trading:
            return await look(trading, *arguments, **named)

    return asyncio.run(connected())


def act(work: Callable[[Desk], Awaitable[Found]], actor: str | None) -> Found:
    settings = ConsoleSettings.read()

    async def connected() -> Found:
        async with queues.desk(settings, operator(actor)) as at:
            return await work(at)

    return asyncio.run(connected())


async def choose(at: Desk, queue: str, letters: list[int] | None, everything: bool) -> list[int]:
    """The letters that were named, each once, or all that there are now."""
    if bool(letters) == everything:
        raise NothingChosen(
            f"name the dead letters or give --all; `zmarty queue peek {queue} --dead` shows their ids"
        )
    await queues.require_queue(at.trading, queue)
    return await queues.all_letters(at.trading, queue) if everything else list(dict.fromkeys(letters or ()))


def confirm(question: str, *, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise NotConfirmed(
            f"{question} Nobody can be asked here; give --yes to go ahead. Nothing was changed."
        )
    if not typer.confirm(question):
        raise NotConfirmed("nothing was changed")


@contextmanager
def progress(title: str, total: int) -> Iterator[Report]:
    """A bar on a terminal that goes when it is full; nothing in a pipe."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=progress_screen, transient=True, disable=total <= PROGRESS_FROM) as bar:
        task = bar.add_task(title, total=total)
        yield lambda steps: bar.advance(task, steps)


def print_count(
    counts: dict[str, int], verb: str, queue: str, as_json: bool, *, noun: str = "dead letters"
) -> None:
    if as_json:
        return print_json({"queue": queue, **counts})
    asked, done = counts["asked"], counts[verb]
    if not asked:
        screen.print(f"[green]✓[/] {queue} has no {noun}")
        return None
    screen.print(f"[green]✓[/] {queue}: {done:,} of {asked:,} {noun} {verb}")
    if done < asked:
        screen.print(f"The other {asked - done:,} were gone already, or hold no original that could be sent.")
    return None


def stats_table(rows: list[dict[str, Any]], *, is_wide: bool) -> Table:
    table = Table(box=None, header_style="bold", padding=(0, 1, 0, 0))
    table.add_column("queue", no_wrap=True)
    extra = ("archived", "size") if is_wide else ()
    for heading in ("depth", "due", "postponed", "in flight", "oldest", "dead", *extra, "bloat"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("state", no_wrap=True)
    for row in rows:
        table.add_row(
            row["queue"],
            *(f"{row[name]:,}" for name in ("depth", "due", "postponed", "in_flight")),
            duration(row["oldest_due_seconds"]),
            f"[red]{row['dead']:,}[/]" if row["dead"] else "0",
            *((f"{row['archived']:,}", size(row["table_bytes"])) if is_wide else ()),
            f"{row['dead_tuples']:,}",
            "[yellow]paused[/]" if row["paused_at"] else "[green]running[/]",
        )
    return table


def messages_table(rows: list[dict[str, Any]]) -> Table:
    table = Table("id", "state", "due", "reads", "message", "last failure", box=None, header_style="bold")
    for row in rows:
        failure = f"{row['failure_code']}: {row['failure']}" if row["failure_code"] else ""
        table.add_row(
            str(row["msg_id"]),
            row["state"].replace("_", " "),
            moment(row["due_at"]),
            str(row["read_count"]),
            escape(as_text(row["message"])),
            escape(failure[:ERROR_WIDTH]),
        )
    return table


def letters_table(rows: list[dict[str, Any]]) -> Table:
    table = Table("id", "buried", "attempts", "code", "error", "original", box=None, header_style="bold")
    for row in rows:
        # Somebody may have put anything there by hand; it is shown as it is.
        letter = row["message"] if isinstance(row["message"], dict) else {"original": row["message"]}
        table.add_row(
            str(row["msg_id"]),
            moment(row["buried_at"]),
            str(letter.get("attempts", "")),
            escape(str(letter.get("code", ""))),
            escape(str(letter.get("error", ""))[:ERROR_WIDTH]),
            escape(as_text(letter.get("original"))),
        )
    return table


def print_json(value: Any) -> None:
    typer.echo(json.dumps(value, indent=2, default=in_json))


def in_json(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def as_text(message: object) -> str:
    return json.dumps(message, ensure_ascii=False)


def moment(when: datetime) -> str:
    return f"{when:%Y-%m-%d %H:%M:%S}Z"


def duration(seconds: float | None) -> str:
    if seconds is None:
        return "–"
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def size(count: float) -> str:
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024 or unit == "GiB":
            break
        count /= 1024
    return f"{count:.0f} {unit}"
