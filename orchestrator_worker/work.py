"""One queue's line in the worker's table: which message is read, who handles it, and the bounds that hold."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from orchestrator_worker.ending import Ending
from orchestrator_worker.resources import Resources
from zmarty.messages import JobMessage
from zmarty.queue import Batch, Delivery

BATCH_MAX = 1_000

Message = TypeVar("Message", bound=JobMessage)
Handler = Callable[[Delivery[Message], Resources], Awaitable[Ending]]
BatchHandler = Callable[[Batch[Message], Resources], Awaitable[Ending]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Work(Generic[Message]):
    """Either `handle` takes one message at a time, or `handle_batch` up to `batch` of them in one transaction.

    A batch that fails is halved until what fails stands alone; only there does an ending other than done count.
    """

    message: type[Message]
    handle: Handler[Message] | None = None
    handle_batch: BatchHandler[Message] | None = None
    batch: int = 1
    concurrency: int = 4
    # Twice the share of a busy worker for each step; a queue of low priority waits longer, but not for ever.
    priority: int = 0
    lease_seconds: float = 60.0
    timeout_seconds: float = 300.0
    attempts_max: int = 8
    retry_base_seconds: float = 2.0
    retry_cap_seconds: float = 600.0

    def __post_init__(self) -> None:
        assert (self.handle is None) != (self.handle_batch is None), (
            "one handler: for one message or for many"
        )
        assert 1 <= self.batch <= BATCH_MAX
        assert self.batch == 1 or self.handle_batch, "a batch needs a handler that takes it"
