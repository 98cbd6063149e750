"""One run over the mirror: compare every row, look again at what differs, and have the truth sent again where it still does.

Nothing is written in the trading database: a repair is an outbox row or a mark in the chat database, which travels and
is judged like any change. Memory is bounded: rows are read in pages, and users who differ are looked at a few at a time.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

from orchestrator_worker.reconcile import store
from orchestrator_worker.reconcile.difference import (
    Difference,
    Findings,
    Kind,
    Table,
    merged,
    reference_difference,
    watcher_difference,
)
from zmarty.postgres import Pool

USERS_AT_ONCE = 5
ROWS_BETWEEN_REPORTS = 500

# Told how many rows have been compared; may answer False to end the run.
Report = Callable[[int], Awaitable[bool]]


class RunStopped(Exception):
    """Whoever is told how far we are wants no more."""


@dataclass(slots=True)
class Run:
    """The databases and the wishes of one run, and what it has found so far."""

    chat: Pool
    trading: Pool
    repair: bool
    report: Report
    findings: Findings = field(default_factory=Findings)

    async def compare(self, user_id: UUID | None = None) -> Findings:
        """Compare one user, or everybody. Raises RunStopped when the report says so."""
        if user_id is None:
            await self._compare_watchers()
            await self._compare_references()
        else:
            await self._settle(Table.WATCHERS, [user_id])
            await self._settle(Table.USER_REFERENCES, [user_id])
            self.findings.compared = dict.fromkeys(Table, 1)
        self.findings.parked_rows = await store.parked_rows(self.chat)
        return self.findings

    async def _compare_watchers(self) -> None:
        rows = merged(
            store.watched_pairs(self.chat),
            store.watchers(self.trading),
            compared=self._counter(Table.WATCHERS),
        )
        suspects: list[UUID] = []
        async for origin, mirrored in rows:
            difference = watcher_difference(origin, mirrored)
            # A user's rows stand together, so that a user is suspected once.
            if difference and suspects[-1:] != [difference.user_id]:
                suspects = await self._suspect(Table.WATCHERS, suspects, difference.user_id)
            await self._tell()
        await self._settle(Table.WATCHERS, suspects)

    async def _compare_references(self) -> None:
        rows = merged(
            store.users(self.chat),
            store.references(self.trading),
            compared=self._counter(Table.USER_REFERENCES),
        )
        suspects: list[UUID] = []
        async for origin, mirrored in rows:
            if difference := reference_difference(origin, mirrored):
                suspects = await self._suspect(Table.USER_REFERENCES, suspects, difference.user_id)
            await self._tell()
        await self._settle(Table.USER_REFERENCES, suspects)

    def _counter(self, table: Table) -> Callable[[], None]:
        self.findings.compared[table] = 0

        def count() -> None:
            self.findings.compared[table] += 1

        return count

    async def _tell(self) -> None:
        rows = sum(self.findings.compared.values())
        if rows % ROWS_BETWEEN_REPORTS == 0 and not await self.report(rows):
            raise RunStopped

    async def _suspect(self, table: Table, suspects: Sequence[UUID], user_id: UUID) -> list[UUID]:
        """Look closer at those collected before one more could be too many to look at together."""
        if len(suspects) < USERS_AT_ONCE:
            return [*suspects, user_id]
        await self._settle(table, suspects)
        return [user_id]

    async def _settle(self, table: Table, suspects: Sequence[UUID]) -> None:
        look = self._settle_watchers if table is Table.WATCHERS else self._settle_reference
        async with asyncio.TaskGroup() as looking:
            for user_id in suspects:
                looking.create_task(look(user_id))

    async def _settle_watchers(self, user_id: UUID) -> None:
        before = await store.standing(self.chat, user_id)
        # The origin first: a change that is made after this and mirrored before that shows in the second standing.
        rows = merged(
            store.watched_pairs(self.chat, user_id),
            store.watchers(self.trading, user_id),
            compared=lambda: None,
        )
        found = [difference async for pair in rows if (difference := watcher_difference(*pair))]
        after = await store.standing(self.chat, user_id)
        if before.watchers_pending or after.newest_id != before.newest_id:
            found = [replace(difference, kind=Kind.PENDING) for difference in found]
        found = [
            replace(difference, kind=Kind.PARKED) if _is_parked(difference, before) else difference
            for difference in found
        ]
        to_repair = [difference for difference in found if difference.kind not in {Kind.PENDING, Kind.PARKED}]
        if to_repair and self.repair:
            # Added after the wait: others of these run beside this one.
            written = await store.repair_watchers(self.chat, user_id, to_repair)
            self.findings.repaired += written
        self._note(found)

    async def _settle_reference(self, user_id: UUID) -> None:
        before = await store.standing(self.chat, user_id)
        origin = await store.user_snapshot(self.chat, user_id)
        mirrored = await anext(store.references(self.trading, user_id), None)
        after = await store.standing(self.chat, user_id)
        # A user who has left and was never mirrored needs no row.
        gone = not origin.is_active and origin.email is None
        if gone and mirrored is None:
            return
        difference = reference_difference(None if gone else origin, mirrored)
        if difference is None:
            return
        if before.reference_pending or after.reference_pending or after.newest_id != before.newest_id:
            difference = replace(difference, kind=Kind.PENDING)
        elif before.reference_parked:
            difference = replace(difference, kind=Kind.PARKED)
        elif self.repair:
            await store.repair_reference(self.chat, difference)
            self.findings.repaired += 1
        self._note([difference])

    def _note(self, differences: Sequence[Difference]) -> None:
        for difference in differences:
            self.findings.note(difference)


def _is_parked(difference: Difference, standing: store.Standing) -> bool:
    return difference.kind is not Kind.PENDING and difference.pair in standing.parked
