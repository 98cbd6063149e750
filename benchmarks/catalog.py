"""Every benchmark by its name: a file of figures each."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from benchmarks import analysis, backlog, idle, mirror, queue, wakeup
from benchmarks.effort import Effort
from benchmarks.figures import Figure

BENCHMARKS: Mapping[str, Callable[[Effort], Coroutine[Any, Any, list[Figure]]]] = {
    "queue": queue.run,
    "wakeup": wakeup.run,
    "backlog": backlog.run,
    "mirror": mirror.run,
    "idle": idle.run,
    "analysis": analysis.run,
}
