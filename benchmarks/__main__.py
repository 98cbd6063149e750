"""`python -m benchmarks`: runs them, prints tables of ratios, keeps the figures in `.zmarty/bench/`."""

from __future__ import annotations

import argparse
import contextlib
import sys
import time
from pathlib import Path

import uvloop
from rich.console import Console

from benchmarks import peers, report
from benchmarks.catalog import BENCHMARKS
from benchmarks.effort import Effort
from benchmarks.figures import RUNS_MIN, Incorrect
from local_stack.home import Home
from zmarty import logging

# Wide enough for the table where the width is not known.
console = Console(highlight=False, width=None if sys.stdout.isatty() else 180)


def main() -> None:
    arguments = parsed(sys.argv[1:])
    folder = Home.from_environment().path / "bench"
    if arguments.markdown:
        kept = [name for name in arguments.only if (folder / f"{name}.json").exists()]
        table = report.markdown({name: report.load(folder, name) for name in kept})
        report.publish(arguments.markdown, table)
        return
    if missing := peers.missing():
        sys.exit(f"not installed: {', '.join(missing)}; `make bench` installs what benchmarks compare with")
    folder.mkdir(parents=True, exist_ok=True)
    effort = Effort(runs=arguments.runs, share=arguments.share)
    with (folder / "benchmarks.log").open("w") as log:
        # Every message writes its log line, as in production; only not on the screen.
        with contextlib.redirect_stderr(log):
            logging.configure("benchmark", json=True)
        outcomes = [measure(name, effort, folder) for name in arguments.only]
    sys.exit(0 if all(outcomes) else 1)


def parsed(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    names = ",".join(BENCHMARKS)
    parser.add_argument("--only", type=chosen, default=list(BENCHMARKS), help=f"some of {names}")
    parser.add_argument("--runs", type=int, default=RUNS_MIN, help="how often; fewer than five prove nothing")
    parser.add_argument("--share", type=float, default=1.0, help="which share of the full work a run does")
    parser.add_argument(
        "--markdown",
        type=Path,
        metavar="PAGE",
        help="write the kept figures into this page instead of measuring",
    )
    return parser.parse_args(words)


def chosen(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    if unknown := set(names) - BENCHMARKS.keys():
        raise argparse.ArgumentTypeError(
            f"no benchmark is called {', '.join(sorted(unknown))}; there are {', '.join(BENCHMARKS)}"
        )
    return names


def measure(name: str, effort: Effort, folder: Path) -> bool:
    """Run one benchmark and report it; False when it could not be trusted. A missed target is a result, not a failure."""
    started = time.perf_counter()
    try:
        with console.status(f"{name}: {effort.runs} runs"):
            figures = uvloop.run(BENCHMARKS[name](effort))
    except Incorrect as fault:
        console.print(f"[red]✗[/] {name}: {fault}")
        return False
    report.save(folder, name, figures)
    console.print(report.table_of(name, figures))
    console.print(f"[dim]{time.perf_counter() - started:.0f} s · {figures[0].machine}[/]\n")
    return True


if __name__ == "__main__":
    main()
