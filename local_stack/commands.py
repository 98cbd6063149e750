"""The verbs of a machine that runs the whole system: they join `zmarty` where this package is installed."""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from console.migrations import MigrationFailed
from local_stack.bootstrap import BootstrapOutdated
from local_stack.clusters import ClusterFailed, PostgresMissing
from local_stack.control import NotRunning, ask
from local_stack.demo import DemoFailed, demonstrate
from local_stack.home import Home
from local_stack.keeper import StartFailed
from local_stack.site import API_PORT, DATABASES, SERVICES, OptionInvalid, Options
from local_stack.supervisor import AlreadyRunning, supervise, supervising
from local_stack.system import System
from local_stack.tokens import TokenRefused, token_for

app = typer.Typer()
screen = Console(highlight=False)
complaints = Console(stderr=True, highlight=False)

DOWN_SECONDS = 90.0
LOG_LINES = 40
FOLLOW_SECONDS = 0.25
STATE_COLOURS = {"healthy": "green", "starting": "cyan", "restarting": "yellow", "unhealthy": "red"}
REFUSALS = (
    AlreadyRunning,
    BootstrapOutdated,
    ClusterFailed,
    DemoFailed,
    MigrationFailed,
    NotRunning,
    OptionInvalid,
    PostgresMissing,
    StartFailed,
    TokenRefused,
)

MarketData = Annotated[
    Path | None, typer.Option(help="Replay these candles (parquet or CSV) instead of a made-up market.")
]
Seed = Annotated[int | None, typer.Option(help="Seed of the made-up market.")]


@app.command()
def up(
    market_data: MarketData = None,
    seed: Seed = None,
    live: Annotated[
        str, typer.Option(help="Vendors to call for real, like openai,cryptometer; all others are simulated.")
    ] = "",
) -> None:
    """Run the whole system until Ctrl-C."""
    vendors = frozenset(name.strip() for name in live.split(",") if name.strip())
    options = Options(market_data=market_data, seed=seed, live=vendors)
    run(supervise(Home.from_environment(), options, announce, run_until_ended))


async def run_until_ended(system: System) -> None:
    if system.site.ports["api"] != API_PORT:
        screen.print(f"[yellow]port {API_PORT} is taken; the API listens on {system.site.ports['api']}[/]")
    screen.print(
        f"\n[bold green]Zmarty runs[/] at [bold]{system.site.api}[/]  (API reference: {system.site.api}/docs)",
        soft_wrap=True,
    )
    screen.print(
        f"home {system.site.home.path}; `zmarty status`, `zmarty logs -f`; Ctrl-C stops it\n", soft_wrap=True
    )
    await asyncio.Event().wait()


@app.command()
def demo(market_data: MarketData = None, seed: Seed = None) -> None:
    """Run the main job on screen, with a fresh home that is removed afterwards."""
    home = Home(Path(tempfile.mkdtemp(prefix="zmarty-demo-")))
    options = Options(market_data=market_data, seed=seed, api_port=None)
    try:
        run(demonstrate(home, options, screen))
    finally:
        home.remove()


@app.command()
def down() -> None:
    """Stop the system that runs in this home."""
    home = Home.from_environment()
    run(ask(home, {"verb": "down"}))
    deadline = time.monotonic() + DOWN_SECONDS
    while home.control_socket.exists() or is_locked(home):
        if time.monotonic() > deadline:
            complaints.print(f"[red]✗[/] still stopping after {DOWN_SECONDS:.0f} s; see `zmarty logs`")
            raise typer.Exit(1)
        time.sleep(0.1)
    screen.print("[green]✓[/] stopped")


@app.command()
def status(
    as_json: Annotated[bool, typer.Option("--json", help="For programs: addresses and services.")] = False,
) -> None:
    """Show where everything is and how it does."""
    home = Home.from_environment()
    answer: dict[str, Any] = run(ask(home, {"verb": "status"}))
    if as_json:
        typer.echo(json.dumps(answer, indent=2))
        return
    table = Table("service", "state", "pid", "restarts", box=None, pad_edge=False)
    for name, service in answer["services"].items():
        colour = STATE_COLOURS.get(service["state"], "red")
        table.add_row(
            name, f"[{colour}]{service['state']}[/]", str(service["pid"] or "–"), str(service["restarts"])
        )
    screen.print(table)
    for name in ("api", "auth", "edge_functions", "chat_database", "trading_database"):
        screen.print(f"{name.replace('_', ' ')}: {escape(answer[name])}", soft_wrap=True)
    market: dict[str, Any] = run(ask(home, {"verb": "market"}))
    screen.print(f"market: {escape(market['note'])}", soft_wrap=True)


@app.command()
def restart(service: Annotated[str | None, typer.Argument()] = None) -> None:
    """Restart one service, or all of them but the databases."""
    answer = run(ask(Home.from_environment(), {"verb": "restart", "service": service}))
    if "error" in answer:
        complaints.print(f"[red]✗[/] {answer['error']}")
        raise typer.Exit(1)
    screen.print(f"[green]✓[/] {service or 'all services'} restarted")


@app.command()
def logs(
    service: Annotated[str | None, typer.Argument(help="One service; default all.")] = None,
    follow: Annotated[bool, typer.Option("-f", "--follow", help="Go on until Ctrl-C.")] = False,
) -> None:
    """Print the latest log lines."""
    home = Home.from_environment()
    known = (*SERVICES, *DATABASES)
    if service is not None and service not in known:
        complaints.print(f"[red]✗[/] no service is called {service}; there are {', '.join(known)}")
        raise typer.Exit(1)
    names = [service] if service else list(known)
    try:
        for name, line in read_logs({name: home.log(name) for name in names}, follow=follow):
            prefix = "" if service else f"{name:<16} "
            typer.echo(prefix + line)
    except KeyboardInterrupt:
        raise typer.Exit(0) from None


@app.command()
def token(
    email: str,
    operator: Annotated[bool, typer.Option("--operator", help="Make the user an operator first.")] = False,
) -> None:
    """Print a user's access token from the local auth server, signing the user up if new."""
    home = Home.from_environment()
    answer = run(ask(home, {"verb": "status"}))
    typer.echo(run(token_for(home, answer, email, is_operator=operator)))


def read_logs(files: dict[str, Path], *, follow: bool) -> Iterator[tuple[str, str]]:
    """The last lines of each file, and then what is added, if asked."""
    ends: dict[str, int] = {}
    for name, file in files.items():
        text = file.read_bytes() if file.exists() else b""
        ends[name] = len(text)
        for line in text.decode(errors="replace").splitlines()[-LOG_LINES:]:
            yield name, line
    while follow:
        time.sleep(FOLLOW_SECONDS)
        for name, file in files.items():
            size = file.stat().st_size if file.exists() else 0
            # Shorter than before: it was cut because it had grown too long.
            start = ends[name] if size >= ends[name] else 0
            with file.open("rb") if size > start else open("/dev/null", "rb") as stream:
                stream.seek(start)
                added = stream.read()
            whole = added[: added.rfind(b"\n") + 1]
            ends[name] = start + len(whole)
            for line in whole.decode(errors="replace").splitlines():
                yield name, line


def is_locked(home: Home) -> bool:
    try:
        with supervising(home):
            return False
    except AlreadyRunning:
        return True


def announce(line: str) -> None:
    screen.print(f"[green]✓[/] {escape(line)}", soft_wrap=True)


def run(work: Any) -> Any:
    """Do it; what the caller can do something about is one line and exit code 1."""
    try:
        return asyncio.run(work)
    except REFUSALS as error:
        complaints.print(f"[red]✗[/] {escape(str(error))}", soft_wrap=True)
        raise typer.Exit(1) from None
