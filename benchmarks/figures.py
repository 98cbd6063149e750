"""What a benchmark reports: one figure a row, against a peer or a limit, with the target it must hold. Pure."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

RUNS_MIN = 5


class Incorrect(Exception):
    """A run lost or doubled something: how fast it was does not matter."""


@dataclass(frozen=True, slots=True)
class Target:
    """A bound on a figure's ratio or on its value; `text` is how the table shows it."""

    text: str
    at_least: float | None = None
    at_most: float | None = None
    on_value: bool = False

    def holds(self, value: float, ratio: float | None) -> bool:
        judged = value if self.on_value else ratio
        assert judged is not None, "a target on a ratio needs something to compare with"
        return (self.at_least is None or judged >= self.at_least) and (
            self.at_most is None or judged <= self.at_most
        )


def ratio_at_least(bound: float) -> Target:
    return Target(f"≥ {bound:.2f}x", at_least=bound)


def ratio_at_most(bound: float) -> Target:
    return Target(f"≤ {bound:.2f}x", at_most=bound)


def value_at_least(bound: float, unit: str) -> Target:
    return Target(f"≥ {bound:g} {unit}", at_least=bound, on_value=True)


def value_at_most(bound: float, unit: str) -> Target:
    return Target(f"≤ {bound:g} {unit}", at_most=bound, on_value=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A row of the table; its fields are the schema of `.zmarty/bench/<name>.json`."""

    name: str
    value: float
    unit: str
    against: str
    against_value: float | None
    ratio: float | None
    target: str | None
    holds: bool | None
    runs: int
    machine: str

    def as_row(self) -> dict[str, Any]:
        return asdict(self)


def figure(
    name: str,
    values: Sequence[float],
    unit: str,
    *,
    machine: str,
    against: str = "",
    against_values: Sequence[float] = (),
    target: Target | None = None,
) -> Figure:
    """The medians of both sides, their ratio, and whether the target holds."""
    value = statistics.median(values)
    against_value = statistics.median(against_values) if against_values else None
    ratio = value / against_value if against_value else None
    return Figure(
        name=name,
        value=rounded(value),
        unit=unit,
        against=against,
        against_value=None if against_value is None else rounded(against_value),
        ratio=None if ratio is None else rounded(ratio),
        target=target.text if target else None,
        holds=target.holds(value, ratio) if target else None,
        runs=len(values),
        machine=machine,
    )


def percentile(samples: Sequence[float], share: float) -> float:
    """The smallest sample that at least this share of all samples does not exceed."""
    ordered = sorted(samples)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def rounded(number: float) -> float:
    """Four digits that mean something; a benchmark knows no more."""
    return number if number == 0 else round(number, 3 - math.floor(math.log10(abs(number))))
