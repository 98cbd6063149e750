"""What a storm did and what came of it, as a table for people and as JSON for programs."""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.console import Console, Group
from rich.table import Table

from tests.chaos.storm import Aftermath, Struck, faults_by_kind
from tests.chaos.verdicts import seconds_until


def summary(aftermath: Aftermath) -> dict[str, Any]:
    """The report of a storm."""
    moves, said = aftermath.evidence.trading["moves"], aftermath.said
    kinds = Counter(row["kind"] for row in moves)
    jobs = [row["seen_at"] for row in moves if row["kind"] in ("archived", "buried")]
    mirrored = [row["seen_at"] for row in aftermath.evidence.trading["applied"]]
    return {
        "seed": aftermath.seed,
        "seconds": aftermath.strength.seconds,
        "faults": {
            kind: _recovery(struck, jobs, mirrored)
            for kind, struck in faults_by_kind(aftermath.struck).items()
        },
        "faults_not_done": aftermath.broken,
        "messages": {
            "sent": kinds["sent"],
            "by_hand": len(said.jobs),
            "archived": kinds["archived"],
            "buried": kinds["buried"],
            "not_ended": kinds["sent"] - kinds["removed"],
        },
        "mirror": {
            "changes": said.changes,
            "changes_without_answer": said.unanswered_changes,
            "outbox_rows": len(aftermath.evidence.chat["outbox"]),
            "applied": len(mirrored),
            "replayed": len(said.replays),
            "shuffled": sum(len(events) for events in said.shuffled.values()),
        },
        "credits": {
            "questions": len(said.questions),
            "answered": sum(bool(question.answers) for question in said.questions),
            "holds": dict(Counter(row["state"] for row in aftermath.evidence.chat["holds"])),
            "swept": aftermath.swept_holds,
        },
        "effects": dict(aftermath.evidence.trading["effects"][0]),
        "recovery": {
            "drained_seconds": _rounded(aftermath.drained_seconds),
            "drained_seconds_max": aftermath.strength.drained_seconds_max,
            "leases_ended_by_hand": aftermath.leases_ended,
            "restarts": {name: service["restarts"] for name, service in aftermath.services.items()},
        },
        "violations": dict(aftermath.violations),
    }


def write_report(report: dict[str, Any], file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(report, indent=2, default=str) + "\n")


def show(report: dict[str, Any], screen: Console) -> None:
    faults = Table(
        "fault", "times", "longest", "next job", "next change mirrored", title=f"chaos, seed {report['seed']}"
    )
    for kind, row in report["faults"].items():
        faults.add_row(
            kind.replace("_", " "),
            str(row["times"]),
            _seconds(row["longest_seconds"]),
            _seconds(row["next_job_seconds"]),
            _seconds(row["next_change_seconds"]),
        )
    done = Table("what", "figures", show_header=False)
    for name in ("messages", "mirror", "credits", "effects", "recovery"):
        figures = (f"{figure.replace('_', ' ')} {_figure(value)}" for figure, value in report[name].items())
        done.add_row(name, ", ".join(figures))
    verdict = Table("checked", "violations", show_header=False)
    for name, violations in report["violations"].items():
        verdict.add_row(name, "[green]0[/]" if not violations else f"[red]{len(violations)}[/]")
    screen.print(Group(faults, done, verdict))


def _recovery(struck: list[Struck], jobs: list[datetime], mirrored: list[datetime]) -> dict[str, Any]:
    """How long each kind lasted at most, and how long after its end work went on at the latest."""
    return {
        "times": len(struck),
        "longest_seconds": _longest((one.over_at - one.began_at).total_seconds() for one in struck),
        "next_job_seconds": _longest(seconds_until(jobs, one.over_at) for one in struck),
        "next_change_seconds": _longest(seconds_until(mirrored, one.over_at) for one in struck),
        "details": [one.detail for one in struck],
    }


def _longest(seconds: Any) -> float | None:
    return _rounded(max((one for one in seconds if one is not None), default=None))


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 2)


def _seconds(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f} s"


def _figure(value: Any) -> str:
    if isinstance(value, dict):
        return "(" + ", ".join(f"{name} {count}" for name, count in value.items()) + ")"
    return "–" if value is None else str(value)
