"""`zmarty reconcile credits`: holds accounts and grants against the entries they come from; repairs are audited."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from uuid import UUID

from console.accounts import connect
from console.audit import USER_AGENT
from console.migrations import SQL
from zmarty.postgres import Connection

DIFFERENCES_MAX = 1_000


@dataclass(frozen=True, slots=True)
class Difference:
    """What is recorded of a user, and what their entries and open holds make of it."""

    user_id: UUID
    subject: str
    recorded: int
    rebuilt: int


async def compare(dsn: str) -> list[Difference]:
    """Everything that differs, up to a bound; nothing: every credit is accounted for."""
    connection = await connect(dsn)
    try:
        return await _differences(connection, None)
    finally:
        await connection.close()


async def repair(dsn: str, found: Sequence[Difference], *, actor: str) -> list[Difference]:
    """Derive the accounts and grants of these users from their entries again; returns what still differs.

    Entries are the truth and are never touched: where they themselves do not add up, a person decides.
    """
    connection = await connect(dsn)
    try:
        for user_id in dict.fromkeys(difference.user_id for difference in found):
            async with connection.transaction():
                before = await _differences(connection, user_id)
                if await connection.fetchval(SQL["repair_credits"], user_id):
                    after = await _differences(connection, user_id)
                    await connection.execute(
                        SQL["audit"],
                        actor,
                        "credits_repaired",
                        f"user:{user_id}",
                        {"differences": _told(before)},
                        {"differences": _told(after)},
                        USER_AGENT,
                    )
        return await _differences(connection, None)
    finally:
        await connection.close()


async def _differences(connection: Connection, user_id: UUID | None) -> list[Difference]:
    rows = await connection.fetch(SQL["credit_differences"], user_id, DIFFERENCES_MAX)
    return [Difference(**row) for row in rows]


def _told(differences: Sequence[Difference]) -> list[dict[str, object]]:
    return [{**asdict(difference), "user_id": str(difference.user_id)} for difference in differences]
