"""How a delivery can end other than done: values that a handler returns."""

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Postpone:
    """Not now: the message comes back in `seconds`. Counts as a failed attempt, so that it cannot go on for ever.

    Where the message is not to blame, as when a vendor asks everybody to wait, it need not count until it is old.
    """

    seconds: float
    reason: str
    code: str = "postponed"
    counts: bool = True


@dataclass(frozen=True, slots=True)
class Discard:
    """Nothing to do, and nobody needs to look: the message is archived."""

    reason: str


@dataclass(frozen=True, slots=True)
class Bury:
    """It can never succeed: the message goes to the dead letters with the reason."""

    code: str
    reason: str
    traceback: str = ""


# None means done: the handler has completed the delivery in its own transaction.
Ending: TypeAlias = Postpone | Discard | Bury | None
