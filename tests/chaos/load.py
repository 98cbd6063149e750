"""Those who use the system while it breaks: users, operators, askers, and a stranger who repeats old webhooks."""

from __future__ import annotations

import asyncio
import itertools
import json
import random
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import httpx

from tests.chaos.model import Asked, JobSent, Pair, Replayed, Said, Shuffled, WatchList
from tests.chaos.stage import Connection, Stage
from zmarty.signing import sign

SYMBOLS = ("BTC/USDT", "ETH/USDT", "SOL/USDT", "XRP/USDT")
TIMEFRAMES = ("1h", "4h")
PAIRS = tuple(itertools.starmap(Pair, itertools.product(SYMBOLS, TIMEFRAMES)))
QUEUES = ("ingest_indicators", "compute_signals", "compute_winrate")
# Nobody can say what became of it: the connection broke, or the server said that it could not.
BROKEN = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.TransactionRollbackError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)
HOPELESS_SHARE = 0.15
ANSWER_TRIES = 40
ANSWER_PAUSE_SECONDS = 0.5
# The edge function takes five minutes of difference between its clock and the sender's.
INSIDE_SECONDS = (0, -120, -285, 120, 285)
OUTSIDE_SECONDS = (-301, -3_600, 320, 3_600)
SHUFFLED_VERSIONS = 8
SHUFFLED_TRIES = 60


@dataclass(frozen=True)
class User:
    id: UUID
    headers: dict[str, str]


@dataclass
class Load:
    """Runs until `over`; what was said and answered is in `said`."""

    stage: Stage
    seed: int
    users: list[User]
    said: Said = field(default_factory=Said)
    over: asyncio.Event = field(default_factory=asyncio.Event)
    numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    async def run(self) -> None:
        """Return when everybody has finished what they were at."""
        async with asyncio.TaskGroup() as crowd:
            for place, user in enumerate(self.users):
                self.said.watch_lists[user.id] = WatchList()
                crowd.create_task(self._change_symbols(user, self._dice(f"user {place}")))
            for place, user in enumerate(self.users[:2]):
                crowd.create_task(self._ask_questions(user, self._dice(f"asker {place}")))
            crowd.create_task(self._send_jobs(self._dice("operator")))
            crowd.create_task(self._repeat_webhooks(self._dice("stranger")))
            crowd.create_task(self._shuffle_events(self._dice("shuffler")))

    def _dice(self, name: str) -> random.Random:
        return random.Random(f"{self.seed}: {name}")

    async def _rest(self, dice: random.Random, least: float, most: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self.over.wait(), dice.uniform(least, most))

    # Users: each changes one thing at a time, so that what their rows may be is always known.

    async def _change_symbols(self, user: User, dice: random.Random) -> None:
        kinds = {
            "watch": (self._watch, 4),
            "unwatch": (self._unwatch, 3),
            "write": (self._write_directly, 3),
            "delete": (self._delete_directly, 1),
            "change key": (self._change_key, 2),
        }
        weights = [weight for _, weight in kinds.values()]
        while not self.over.is_set():
            (kind,) = dice.choices(list(kinds), weights)
            await kinds[kind][0](user, dice.choice(PAIRS), dice)
            self.said.count_change(kind)
            await self._rest(dice, 0.05, 0.5)

    async def _watch(self, user: User, pair: Pair, _: random.Random) -> None:
        number = next(self.numbers)
        body = {"symbol": pair.symbol, "timeframe": pair.timeframe, "strategy": {"number": number}}
        status = await self._request("PUT", "/v1/symbols", user, body)
        if status in (200, 201):
            self._list(user).watched(pair, number, certain=True)
        elif self._is_unknown(status, f"watch {pair}"):
            self._list(user).watched(pair, number, certain=False)

    async def _unwatch(self, user: User, pair: Pair, _: random.Random) -> None:
        path = f"/v1/symbols/{pair.symbol.replace('/', '-')}/{pair.timeframe}"
        status = await self._request("DELETE", path, user)
        if status == 204:
            self._list(user).unwatched(pair, certain=True)
        elif status == 404:
            self._list(user).was_not_active(pair)
        elif self._is_unknown(status, f"unwatch {pair}"):
            self._list(user).unwatched(pair, certain=False)

    async def _write_directly(self, user: User, pair: Pair, _: random.Random) -> None:
        number = next(self.numbers)
        try:
            await self._as_user(
                user,
                "insert into user_symbols (symbol, timeframe, strategy) values ($1, $2, $3)"
                " on conflict (user_id, symbol, timeframe) do update set strategy = excluded.strategy, active = true",
                # As people write it; the trigger makes it canonical.
                pair.symbol,
                pair.timeframe,
                {"number": number},
            )
        except BROKEN:
            self.said.unanswered_changes += 1
            self._list(user).watched(pair, number, certain=False)
        else:
            self._list(user).watched(pair, number, certain=True)

    async def _delete_directly(self, user: User, pair: Pair, _: random.Random) -> None:
        try:
            await self._as_user(
                user,
                "delete from user_symbols where symbol = $1 and timeframe = $2",
                pair.symbol,
                pair.timeframe,
            )
        except BROKEN:
            self.said.unanswered_changes += 1
            self._list(user).deleted(pair, certain=False)
        else:
            self._list(user).deleted(pair, certain=True)

    async def _change_key(self, user: User, pair: Pair, dice: random.Random) -> None:
        target = Pair(dice.choice([other for other in SYMBOLS if other != pair.symbol]), pair.timeframe)
        watch_list = self._list(user)
        try:
            tag = await self._as_user(
                user,
                "update user_symbols set symbol = $2 where symbol = $1 and timeframe = $3",
                pair.symbol,
                target.symbol,
                pair.timeframe,
            )
        except asyncpg.UniqueViolationError:
            watch_list.was_there(pair)
            watch_list.was_there(target)
        except BROKEN:
            self.said.unanswered_changes += 1
            watch_list.moved(pair, target, certain=False)
        else:
            if tag == "UPDATE 0":
                watch_list.was_missing(pair)
            else:
                watch_list.moved(pair, target, certain=True)

    async def _as_user(self, user: User, statement: str, *arguments: Any) -> str:
        async with self.stage.database("chat") as chat, chat.transaction():
            claims = json.dumps({"sub": str(user.id), "role": "authenticated"})
            await chat.execute("set local role authenticated")
            await chat.execute("select set_config('request.jwt.claims', $1, true)", claims)
            return await chat.execute(statement, *arguments)

    async def _request(self, method: str, path: str, user: User, body: Any = None) -> int:
        """The status, or 0 where no answer came."""
        try:
            return (await self.stage.api.request(method, path, json=body, headers=user.headers)).status_code
        except httpx.HTTPError:
            return 0

    def _is_unknown(self, status: int, what: str) -> bool:
        self.said.unanswered_changes += 1
        if status != 0 and status < 500:
            self.said.unexpected.append(f"{what}: {status}")
        return True

    def _list(self, user: User) -> WatchList:
        return self.said.watch_lists[user.id]

    # Operators send by hand what they would type in a SQL editor, and now and then nonsense.

    async def _send_jobs(self, dice: random.Random) -> None:
        while not self.over.is_set():
            number = next(self.numbers)
            queue = dice.choice(QUEUES)
            is_hopeless = dice.random() < HOPELESS_SHARE
            body = self._body(dice, number, is_hopeless=is_hopeless)
            msg_id: int | None = None
            with suppress(*BROKEN):
                async with self.stage.database("trading") as trading:
                    msg_id = await trading.fetchval("select pgmq.send($1::text, $2::jsonb)", queue, body)
            self.said.jobs.append(JobSent(queue, number, is_hopeless, msg_id))
            await self._rest(dice, 0.2, 1.2)

    def _body(self, dice: random.Random, number: int, *, is_hopeless: bool) -> dict[str, Any]:
        pair = dice.choice(PAIRS)
        symbol = dice.choice((pair.symbol, pair.symbol.replace("/", ""), pair.symbol.lower()))
        body = {"symbol": symbol, "timeframe": pair.timeframe, "number": number}
        if is_hopeless:
            body |= dice.choice(
                ({"v": 9}, {"timeframe": "2h"}, {"symbol": None}, {"symbol": "BTC/USDT:PERP"})
            )
        return body

    # Askers repeat a question under its key until it is answered; the answer must be the same, and paid once.

    async def _ask_questions(self, user: User, dice: random.Random) -> None:
        while not self.over.is_set():
            number = next(self.numbers)
            question = f"What is your signal for {dice.choice(SYMBOLS)}? (question {number})"
            if dice.random() < 0.2:
                await self._leave_early(user, question)
            else:
                copies = dice.choice((1, 1, 2))
                told = await asyncio.gather(*(self._ask(user, question, number) for _ in range(copies)))
                self.said.questions.append(Asked(number, tuple(answer for answer in told if answer)))
            await self._rest(dice, 0.3, 1.5)

    async def _ask(self, user: User, question: str, number: int) -> tuple[str, int] | None:
        headers = {**user.headers, "idempotency-key": f"chaos-{number}"}
        for _ in range(ANSWER_TRIES):
            with suppress(httpx.HTTPError):
                answer = await self.stage.api.post(
                    "/chat", json={"message": question, "stream": False}, headers=headers
                )
                if answer.status_code == httpx.codes.OK:
                    return answer.json()["message_id"], answer.json()["credits"]
                is_passing = answer.status_code >= 500 or answer.status_code in (409, 429)
                if not is_passing:
                    self.said.unexpected.append(
                        f"question {number}: {answer.status_code} {answer.text[:200]}"
                    )
                    return None
            if self.over.is_set():
                return None
            await asyncio.sleep(ANSWER_PAUSE_SECONDS)
        return None

    async def _leave_early(self, user: User, question: str) -> None:
        """Go while the answer streams: it is written to its end, and its bill is settled."""
        with suppress(httpx.HTTPError):
            async with self.stage.api.stream(
                "POST", "/chat", json={"message": question}, headers=user.headers
            ) as answer:
                async for _ in answer.aiter_lines():
                    return

    # A stranger who has our secret, or recorded our requests, sends old events again in any order.

    async def _repeat_webhooks(self, dice: random.Random) -> None:
        while not self.over.is_set():
            for row in await self._delivered_rows(dice):
                skew_seconds = dice.choice((*INSIDE_SECONDS, *OUTSIDE_SECONDS))
                status, result = await self._post(row["id"], row["payload"], skew_seconds)
                self.said.replays.append(Replayed(row["id"], skew_seconds, status, result))
            await self._rest(dice, 0.2, 0.8)

    async def _delivered_rows(self, dice: random.Random) -> list[asyncpg.Record]:
        """Rows that arrived already, in an order of our own."""
        try:
            async with self.stage.database("chat") as chat:
                rows = await chat.fetch(
                    "select id, payload from outbox"
                    " where delivered_at is not null and payload ->> 'table' = 'user_symbols'"
                    " order by id desc limit 50"
                )
        except BROKEN:
            return []
        return dice.sample(rows, min(len(rows), 6))

    async def _shuffle_events(self, dice: random.Random) -> None:
        """A user of nobody's: each event arrives, in any order and more than once, and the newest must win."""
        while not self.over.is_set():
            user_id = UUID(int=dice.getrandbits(128), version=4)
            pair = dice.choice(PAIRS)
            events = [
                version for version in range(1, SHUFFLED_VERSIONS + 1) for _ in range(dice.choice((1, 2)))
            ]
            dice.shuffle(events)
            told = self.said.shuffled.setdefault(user_id, [])
            for version in events:
                # The last word is that it is not watched: nobody else's watcher is to be kept alive by this.
                payload = event_of(user_id, pair, version, is_watched=version % 2 == 1)
                result: str | None = None
                for _ in range(SHUFFLED_TRIES):
                    _, result = await self._post(version, payload, 0)
                    if result is not None:
                        break
                    await asyncio.sleep(ANSWER_PAUSE_SECONDS)
                told.append(Shuffled(version, pair, result))
            await self._rest(dice, 0.5, 2.0)

    async def _post(self, webhook_id: int, payload: Any, skew_seconds: int) -> tuple[int, str | None]:
        body = json.dumps(payload)
        headers = sign(
            self.stage.home.secrets().webhook,
            webhook_id=str(webhook_id),
            sent_at=datetime.now(UTC) + timedelta(seconds=skew_seconds),
            body=body,
        )
        try:
            answer = await self.stage.edge.post(
                "/watchers-upsert", content=body, headers=headers, timeout=5.0
            )
            return answer.status_code, answer.json().get("result")
        except (httpx.HTTPError, ValueError):
            return 0, None


def event_of(user_id: UUID, pair: Pair, version: int, *, is_watched: bool) -> dict[str, Any]:
    row = {
        "user_id": str(user_id),
        "symbol": pair.symbol,
        "timeframe": pair.timeframe,
        "strategy": {"number": version},
        "active": is_watched,
    }
    return {"type": "INSERT", "table": "user_symbols", "schema": "public", "record": row, "old_record": None}


async def enrol(connection: Connection, user_id: UUID) -> None:
    """Make a user one whom no plan's limit stops and whose credits last."""
    await connection.execute("update profiles set tier = 'enterprise' where user_id = $1", user_id)
    await connection.execute("select private.grant_credits($1, 50000, 'chaos', 'chaos')", user_id)
