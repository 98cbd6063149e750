"""One storm: a load that runs, faults that strike by plan, quiet afterwards, and what came of it."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import jwt

from local_stack.home import Home
from local_stack.tokens import token_for
from tests.chaos.evidence import Evidence, is_drained, read_evidence, sweep_holds
from tests.chaos.faults import FAULTS, end_claims, end_leases
from tests.chaos.load import Load, User, enrol
from tests.chaos.model import Said
from tests.chaos.schedule import Planned, plan
from tests.chaos.stage import Stage, open_stage
from tests.chaos.verdicts import Violations, judge

USERS = 4
WARM_UP_SECONDS = 2.0
DRAINED_PAUSE_SECONDS = 0.2
LOAD_END_SECONDS = 180.0
# A lease is renewed when a third of its minute is over: whatever ends sooner than this, its holder is dead or has failed.
NOT_RENEWED_SECONDS = 38.0


@dataclass(frozen=True, kw_only=True)
class Strength:
    """How long a storm lasts, how dense it is, and how soon everything must be well again after it."""

    seconds: float
    pause_seconds: float
    drained_seconds_max: float
    # A lease lasts a minute. Where there is no time to wait for what the dead held, it is ended by hand this often.
    leases_ended_every_seconds: float | None


@dataclass
class Struck:
    """A fault that was done."""

    kind: str
    detail: str
    began_at: datetime
    over_at: datetime


@dataclass
class Aftermath:
    """What is known when the storm is over."""

    seed: int
    strength: Strength
    struck: list[Struck]
    broken: list[str]
    said: Said
    evidence: Evidence
    violations: Mapping[str, Violations]
    drained_seconds: float | None
    swept_holds: int
    leases_ended: int
    services: Mapping[str, Mapping[str, Any]]


@dataclass
class Storm:
    stage: Stage
    seed: int
    strength: Strength
    struck: list[Struck] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    leases_ended: int = 0

    async def run(self) -> Aftermath:
        load = Load(self.stage, self.seed, await self._sign_up())
        crowd = asyncio.create_task(load.run())
        await asyncio.sleep(WARM_UP_SECONDS)
        await self._strike_all()
        load.over.set()
        calm = time.monotonic()
        ending = asyncio.create_task(self._end_what_the_dead_hold())
        try:
            async with asyncio.timeout(LOAD_END_SECONDS):
                await crowd
            drained_seconds = await self._until_well(since=calm)
        finally:
            ending.cancel()
        swept = await sweep_holds(self.stage)
        evidence = await read_evidence(self.stage)
        return Aftermath(
            seed=self.seed,
            strength=self.strength,
            struck=self.struck,
            broken=self.broken,
            said=load.said,
            evidence=evidence,
            violations=judge(evidence, load.said),
            drained_seconds=drained_seconds,
            swept_holds=swept,
            leases_ended=self.leases_ended,
            services=await self.stage.services(),
        )

    async def _sign_up(self) -> list[User]:
        users = []
        for number in range(USERS):
            token = await token_for(
                self.stage.home, self.stage.status, f"chaos-{number}@example.com", is_operator=False
            )
            user_id = UUID(jwt.decode(token, options={"verify_signature": False})["sub"])
            async with self.stage.database("chat") as chat:
                await enrol(chat, user_id)
            users.append(User(user_id, {"authorization": f"Bearer {token}"}))
        return users

    async def _strike_all(self) -> None:
        """Each fault at its time; they overlap where one lasts until the next."""
        faults = plan(
            self.seed,
            seconds=self.strength.seconds,
            kinds=list(FAULTS),
            pause_seconds=self.strength.pause_seconds,
        )
        start = time.monotonic()
        async with asyncio.TaskGroup() as sky:
            for planned in faults:
                await asyncio.sleep(max(0.0, start + planned.begins_at - time.monotonic()))
                sky.create_task(self._strike(planned))
            await asyncio.sleep(max(0.0, start + self.strength.seconds - time.monotonic()))

    async def _strike(self, planned: Planned) -> None:
        began_at = datetime.now(UTC)
        try:
            detail = await FAULTS[planned.kind](self.stage, random.Random(planned.seed), planned.seconds)
        except Exception as error:  # noqa: BLE001 — a fault that cannot be done now, as its database is away, is no finding
            self.broken.append(f"{planned.kind}: {type(error).__name__}: {error}")
            return
        self.struck.append(Struck(planned.kind, detail, began_at, datetime.now(UTC)))

    async def _end_what_the_dead_hold(self) -> None:
        """At once whatever is held, and then what nobody renews any more."""
        if (pause_seconds := self.strength.leases_ended_every_seconds) is None:
            return
        self.leases_ended += await end_leases(self.stage) + await end_claims(self.stage)
        while True:
            await asyncio.sleep(pause_seconds)
            self.leases_ended += await end_leases(self.stage, ending_within_seconds=NOT_RENEWED_SECONDS)

    async def _until_well(self, *, since: float) -> float | None:
        """Seconds since the calm until nothing waits and every service is healthy; None when that took too long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self.strength.drained_seconds_max + since - time.monotonic()):
                while not (await is_drained(self.stage) and await self._all_healthy()):
                    await asyncio.sleep(DRAINED_PAUSE_SECONDS)
            return time.monotonic() - since
        return None

    async def _all_healthy(self) -> bool:
        return all(service["state"] == "healthy" for service in (await self.stage.services()).values())


async def rage(home: Home, seed: int, strength: Strength) -> Aftermath:
    async with open_stage(home) as stage:
        return await Storm(stage, seed, strength).run()


def faults_by_kind(struck: Sequence[Struck]) -> dict[str, list[Struck]]:
    by_kind: dict[str, list[Struck]] = {}
    for one in sorted(struck, key=lambda fault: (fault.kind, fault.began_at)):
        by_kind.setdefault(one.kind, []).append(one)
    return by_kind
