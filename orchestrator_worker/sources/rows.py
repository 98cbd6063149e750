"""Lists of a vendor: a row that cannot be true is left out, and a list of which most cannot is no answer. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

# The longest of Cryptometer's lists names every pair of an exchange, some three thousand.
ROWS_MAX = 20_000

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Readable(Generic[Row]):
    """The rows that could be read, in the vendor's order, and how many could not, with the first fault."""

    rows: tuple[Row, ...]
    refused: int
    fault: str


def readable(rows: object, read: Callable[[object], Row], *, name: str = "data") -> Readable[Row]:
    """Read each row. Raises ValueError for what is no list, an empty one, and one of which half or more is unreadable.

    Nothing told is not the same as nothing there: an empty list leaves the reading missing, never zero.
    """
    if not isinstance(rows, Sequence) or isinstance(rows, str) or len(rows) > ROWS_MAX:
        raise ValueError(f"{name} is not a list of at most {ROWS_MAX} rows")
    if not rows:
        raise ValueError(f"{name} is empty")
    found: list[Row] = []
    faults: list[str] = []
    for row in rows:
        try:
            found.append(read(row))
        except ValueError as error:
            faults.append(str(error))
    if len(faults) * 2 >= len(rows):
        raise ValueError(
            f"{len(faults)} of {len(rows)} rows of {name} are unreadable, the first: {faults[0]}"
        )
    return Readable(tuple(found), len(faults), faults[0] if faults else "")
