"""When which fault strikes: a seeded plan that is the same for the same seed. Pure."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

# What begins late must have its effect while there still is a load.
LATEST_SHARE = 0.85
LASTS_SECONDS = (0.5, 3.0)


@dataclass(frozen=True)
class Planned:
    """One fault: when it begins, how long it lasts where it can last, and the seed of its own choices."""

    begins_at: float
    kind: str
    seconds: float
    seed: int


def plan(seed: int, *, seconds: float, kinds: Sequence[str], pause_seconds: float) -> list[Planned]:
    """Every kind once in a random order before any comes again; about one each pause, none near the end."""
    dice = random.Random(f"{seed}: schedule")
    count = max(len(kinds), int(seconds / pause_seconds))
    order: list[str] = []
    while len(order) < count:
        order += dice.sample(sorted(kinds), len(kinds))
    pause = seconds * LATEST_SHARE / count
    return [
        Planned(
            begins_at=round((number + dice.random()) * pause, 3),
            kind=kind,
            seconds=round(dice.uniform(*LASTS_SECONDS), 3),
            seed=dice.getrandbits(32),
        )
        for number, kind in enumerate(order[:count])
    ]
