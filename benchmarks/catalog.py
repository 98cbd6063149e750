"""Every benchmark by its name: a file of figures each."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from benchmarks import (
    analysis,
    backlog,
    chat,
    idle,
    indicators,
    ingest,
    ledger,
    mirror,
    outcomes,
    queue,
    replay,
    signals,
    wakeup,
)
from benchmarks.effort import Effort
from benchmarks.figures import Figure

BENCHMARKS: Mapping[str, Callable[[Effort], Coroutine[Any, Any, list[Figure]]]] = {
    "queue": queue.run,
    "wakeup": wakeup.run,
    "backlog": backlog.run,
    "mirror": mirror.run,
    "ledger": ledger.run,
    "idle": idle.run,
    "ingest": ingest.run,
    "indicators": indicators.run,
    "outcomes": outcomes.run,
    "signals": signals.run,
    "replay": replay.run,
    "analysis": analysis.run,
    "chat": chat.run,
}
