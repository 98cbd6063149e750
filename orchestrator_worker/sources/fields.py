"""Reading single fields of vendors' JSON: a value that is not what it should be is an error, never a default. Pure."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

TEXT_LENGTH_MAX = 120
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECONDS_MAX = 4_102_444_800_000  # 2100-01-01: anything later is not a time in milliseconds.
# No price or volume has more digits on either side of the point; 1e999999 would be a megabyte of zeros in Postgres.
DIGITS_MAX = 30


class FieldUnreadable(ValueError):
    """A vendor's field is missing or not what it should be."""


def field(row: object, name: str) -> Any:
    """The field of an object. Raises FieldUnreadable when there is none."""
    if not isinstance(row, Mapping) or name not in row:
        raise FieldUnreadable(f"{name} is missing")
    return row[name]


def number(value: object, name: str) -> Decimal:
    """A finite number, written as one or as text. Raises FieldUnreadable."""
    # bool is an int to Python, but no number to us.
    if isinstance(value, bool) or not isinstance(value, int | str | Decimal):
        raise FieldUnreadable(f"{name} is not a number")
    try:
        read = Decimal(value)
    except InvalidOperation as error:
        raise FieldUnreadable(f"{name} is not a number") from error
    if not read.is_finite() or not -DIGITS_MAX <= read.adjusted() <= DIGITS_MAX:
        raise FieldUnreadable(f"{name} is out of range")
    return read


def at_least_zero(row: object, name: str) -> Decimal:
    """The field as a number that is not negative. Raises FieldUnreadable."""
    value = number(field(row, name), name)
    if value < 0:
        raise FieldUnreadable(f"{name} is negative")
    return value


def positive(row: object, name: str) -> Decimal:
    """The field as a number above zero. Raises FieldUnreadable."""
    value = at_least_zero(row, name)
    if value == 0:
        raise FieldUnreadable(f"{name} is zero")
    return value


def percent(row: object, name: str) -> Decimal:
    """The field as a share in percent, 0 … 100. Raises FieldUnreadable."""
    value = at_least_zero(row, name)
    if value > 100:
        raise FieldUnreadable(f"{name} is above 100")
    return value


def change(row: object, name: str) -> Decimal:
    """The field as a change in percent, of either sign. Raises FieldUnreadable: nothing falls by more than all of it."""
    value = number(field(row, name), name)
    if value < -100:
        raise FieldUnreadable(f"{name} is below −100 percent")
    return value


def text(row: object, name: str) -> str:
    """The field as a short text that says something. Raises FieldUnreadable."""
    value = field(row, name)
    if not isinstance(value, str) or not value.strip() or len(value) > TEXT_LENGTH_MAX:
        raise FieldUnreadable(f"{name} is not a text of 1 to {TEXT_LENGTH_MAX} characters")
    return value.strip()


def one_of(row: object, name: str, known: Mapping[str, str]) -> str:
    """The field's meaning by what the vendor writes for it. Raises FieldUnreadable for what it never documented."""
    value = text(row, name)
    if value not in known:
        raise FieldUnreadable(f"{name} is none of {', '.join(known)}")
    return known[value]


def time(value: object, name: str) -> datetime:
    """An ISO 8601 time with its zone, as UTC. Raises FieldUnreadable."""
    try:
        read = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        read = None
    if read is None or read.tzinfo is None:
        raise FieldUnreadable(f"{name} is not a time with its zone")
    try:
        return read.astimezone(UTC)
    except OverflowError as error:
        # The first and last day of the calendar, seen from another zone, lie outside it.
        raise FieldUnreadable(f"{name} is out of range") from error


def milliseconds(value: object, name: str) -> datetime:
    """A time in whole milliseconds since 1970. Raises FieldUnreadable."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MILLISECONDS_MAX:
        raise FieldUnreadable(f"{name} is not a time in milliseconds")
    return EPOCH + timedelta(milliseconds=value)
