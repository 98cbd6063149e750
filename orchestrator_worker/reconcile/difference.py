"""Where the mirror differs from its origin. Pure: rows of both sides in, differences out."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol, TypeVar
from uuid import UUID

LISTED_MAX = 100


class Table(StrEnum):
    WATCHERS = "watchers"
    USER_REFERENCES = "user_references"


class Kind(StrEnum):
    """What is wrong with a row of the mirror, or why nothing is said about it."""

    MISSING = "missing"
    EXTRA = "extra"
    DIFFERENT = "different"
    # The change was refused; sending the same again would be refused again.
    PARKED = "parked"
    # Still on its way, or just changing.
    PENDING = "pending"


@dataclass(frozen=True, slots=True)
class WatchedPair:
    """A row of user_symbols, or the watcher that mirrors it, which has a version."""

    user_id: UUID
    symbol: str
    timeframe: str
    active: bool
    strategy: dict[str, Any]
    version: int = 0

    @property
    def key(self) -> tuple[UUID, str, str]:
        return self.user_id, self.symbol, self.timeframe


@dataclass(frozen=True, slots=True)
class Reference:
    """What user_references should say of a user, or what it says, with its version."""

    user_id: UUID
    email: str | None
    tier: str
    credits_balance: int
    is_active: bool
    version: int = 0

    @property
    def key(self) -> UUID:
        return self.user_id


@dataclass(frozen=True, slots=True)
class Difference:
    """One row that is not as it should be. `version` is the mirror's, 0 where it has none."""

    table: Table
    kind: Kind
    user_id: UUID
    symbol: str | None = None
    timeframe: str | None = None
    version: int = 0

    @property
    def pair(self) -> str:
        return f"{self.symbol} {self.timeframe}"


@dataclass(slots=True)
class Findings:
    """What a run has seen and done. `listed` holds the first differences, the counts all of them."""

    compared: dict[str, int] = field(default_factory=dict)
    counts: dict[str, dict[str, int]] = field(default_factory=dict)
    repaired: int = 0
    parked_rows: int = 0
    listed: list[Difference] = field(default_factory=list)

    def note(self, difference: Difference) -> None:
        counts = self.counts.setdefault(difference.table, {})
        counts[difference.kind] = counts.get(difference.kind, 0) + 1
        if difference.kind is not Kind.PENDING and len(self.listed) < LISTED_MAX:
            self.listed.append(difference)

    @property
    def differences(self) -> int:
        """How many rows are wrong; what is on its way is not."""
        return sum(
            number
            for counts in self.counts.values()
            for kind, number in counts.items()
            if kind != Kind.PENDING
        )

    def summary(self) -> dict[str, Any]:
        return {
            "compared": self.compared,
            "counts": self.counts,
            "differences": self.differences,
            "repaired": self.repaired,
            "parked_rows": self.parked_rows,
        }


def watcher_difference(origin: WatchedPair | None, mirrored: WatchedPair | None) -> Difference | None:
    seen = origin or mirrored
    assert seen is not None, "a pair of rows has one at least"
    wanted = origin is not None and origin.active
    found = mirrored is not None and mirrored.active
    if wanted and mirrored is None:
        kind = Kind.MISSING
    elif found and origin is None:
        kind = Kind.EXTRA
    # The strategy of a pair that nobody watches is history on both sides.
    elif wanted != found or (wanted and origin and mirrored and origin.strategy != mirrored.strategy):
        kind = Kind.DIFFERENT
    else:
        return None
    version = mirrored.version if mirrored else 0
    return Difference(Table.WATCHERS, kind, seen.user_id, seen.symbol, seen.timeframe, version)


def reference_difference(origin: Reference | None, mirrored: Reference | None) -> Difference | None:
    if mirrored is None:
        assert origin is not None, "a pair of rows has one at least"
        return Difference(Table.USER_REFERENCES, Kind.MISSING, origin.user_id)
    if origin is None:
        # Who has left is known by the id alone.
        if not mirrored.is_active and mirrored.email is None:
            return None
        return Difference(Table.USER_REFERENCES, Kind.EXTRA, mirrored.user_id, version=mirrored.version)
    said = (mirrored.email, mirrored.tier, mirrored.credits_balance, mirrored.is_active)
    if said == (origin.email, origin.tier, origin.credits_balance, origin.is_active):
        return None
    return Difference(Table.USER_REFERENCES, Kind.DIFFERENT, origin.user_id, version=mirrored.version)


class _Keyed(Protocol):
    @property
    def key(self) -> Any: ...


Row = TypeVar("Row", bound=_Keyed)


async def merged(
    origin: AsyncIterator[Row], mirror: AsyncIterator[Row], *, compared: Callable[[], None]
) -> AsyncIterator[tuple[Row | None, Row | None]]:
    """Walk two streams in the order of their keys side by side; rows of the same key come together."""
    one, other = await anext(origin, None), await anext(mirror, None)
    while one is not None or other is not None:
        compared()
        if other is None or (one is not None and one.key < other.key):
            yield one, None
            one = await anext(origin, None)
        elif one is None or other.key < one.key:
            yield None, other
            other = await anext(mirror, None)
        else:
            yield one, other
            one, other = await anext(origin, None), await anext(mirror, None)
