"""Keyset paging: an opaque cursor names the last row of a page, so that pages neither skip nor repeat. Pure."""

import base64
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from zmarty.errors import FieldInvalid

LIMIT_DEFAULT = 50
LIMIT_MAX = 200
CURSOR_LENGTH_MAX = 500

Row = TypeVar("Row", bound=BaseModel)


class PageQuery(BaseModel):
    """How much of a list to answer, and where to go on."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    limit: Annotated[int, Field(ge=1, le=LIMIT_MAX, description="Rows of a page.")] = LIMIT_DEFAULT
    cursor: Annotated[
        str | None, Field(max_length=CURSOR_LENGTH_MAX, description="`next` of the page before.")
    ] = None


class Page(BaseModel, Generic[Row]):
    """A page of a list. `next` is the cursor of the following page, null on the last one."""

    items: list[Row]
    next: str | None


def page_of(rows: Sequence[Row], limit: int, key: Callable[[Row], tuple[Any, ...]]) -> Page[Row]:
    """Make a page from up to `limit + 1` rows; the one too many only says that there is more."""
    more = len(rows) > limit
    shown = list(rows[:limit])
    return Page(items=shown, next=encode_cursor(*key(shown[-1])) if more else None)


def encode_cursor(*key: Any) -> str:
    """Name a row by its key: text, numbers, or anything whose `str` reads back (times, uuids)."""
    text = json.dumps(key, separators=(",", ":"), default=str)
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def moment(text: Any) -> datetime:
    """Converter for a time in a cursor."""
    when = datetime.fromisoformat(text)
    if when.tzinfo is None:
        raise ValueError("a time names its zone")
    return when.astimezone(UTC)


def count(number: Any) -> int:
    """Converter for a number in a cursor, within Postgres' bigint."""
    if not isinstance(number, int) or not 0 <= number < 2**63:
        raise ValueError("a count is a whole number")
    return number


def decode_cursor(cursor: str | None, *kinds: Callable[[Any], Any]) -> list[Any] | None:
    """Read a cursor back, one converter for each part of the key. Raises FieldInvalid for what we never gave out."""
    if cursor is None:
        return None
    try:
        key = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if not isinstance(key, list):
            raise ValueError("a cursor holds a list")  # noqa: TRY004 — it is what was sent that is wrong
        # Postgres takes neither NUL nor lone surrogates, and a forged cursor may hold both.
        if any(isinstance(part, str) and "\x00" in part.encode().decode() for part in key):
            raise ValueError("a cursor holds plain text")
        return [kind(part) for kind, part in zip(kinds, key, strict=True)]
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise FieldInvalid("cursor", "must be the `next` of a page") from error
