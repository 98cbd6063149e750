"""One event and its place in the order of all events. Pure."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias
from uuid import UUID

Pair: TypeAlias = tuple[str, str]

NUMBER_MAX = 2**63 - 1


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """The transaction that wrote an event and the event's number in it. Written `<xid>-<id>`, as in Last-Event-ID."""

    xid: int
    id: int

    @classmethod
    def parse(cls, text: str) -> "Position | None":
        """Read a position; None for what we never gave out."""
        xid, dash, number = text.partition("-")
        if not dash or not all(
            part.isascii() and part.isdigit() and len(part) <= 19 for part in (xid, number)
        ):
            return None
        position = cls(int(xid), int(number))
        return position if max(position.xid, position.id) <= NUMBER_MAX else None

    def __str__(self) -> str:
        return f"{self.xid}-{self.id}"


@dataclass(frozen=True, slots=True)
class Event:
    """A row of table events. With a user it is theirs alone; with only a pair it is for whoever watches that; else operators'."""

    position: Position
    type: str
    user_id: UUID | None
    pair: Pair | None
    data: Mapping[str, Any]
    created_at: datetime

    def frame(self) -> str:
        place = {"symbol": self.pair[0], "timeframe": self.pair[1]} if self.pair else {}
        return frame(self.type, {**place, **self.data, "at": self.created_at.isoformat()}, id=self.position)


def frame(type: str, data: Mapping[str, Any], *, id: Position | None = None) -> str:
    """A server-sent event. Without an id it is the state of the moment, which a client that resumes gets anyway."""
    identified = "" if id is None else f"id: {id}\n"
    return f"event: {type}\n{identified}data: {json.dumps(data, separators=(',', ':'))}\n\n"


def mark(position: Position) -> str:
    """Moves a client's Last-Event-ID without an event, so that hours of silence are not taken for a gap."""
    return f"id: {position}\n\n"
