"""`zmarty demo`: the main job, step by step on screen, through the same doors that a user and an operator have."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypeVar

import asyncpg
import httpx
from rich.console import Console
from rich.markup import escape

from local_stack.home import Home
from local_stack.services import PUBLISHABLE_KEY
from local_stack.site import Options
from local_stack.supervisor import supervise
from local_stack.system import System

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
Found = TypeVar("Found")

EMAIL = "demo@example.com"
PASSWORD = "a-demo-password-nobody-else-has"
REQUEST_SECONDS = 30.0
STEP_SECONDS = 60.0
POLL_SECONDS = 0.02
MIRROR_SECONDS_TARGET = 1.0
INDICATORS = 21
SIGNALS_TO_JUDGE = 100


class DemoFailed(Exception):
    """A step did not come to its end; the text says which, and what was seen instead."""


@dataclass
class Stage:
    """The screen, and the step that is on it."""

    screen: Console
    step: str = "starting the system"
    began: float = field(default_factory=time.perf_counter)

    @contextmanager
    def act(self, step: str) -> Iterator[None]:
        """One step: a failure inside carries its name."""
        self.step, self.began = step, time.perf_counter()
        try:
            yield
        except (httpx.HTTPError, TimeoutError, asyncpg.PostgresError, OSError, KeyError, ValueError) as error:
            raise DemoFailed(f"{step}: {type(error).__name__}: {error}") from error

    def done(self, seen: str) -> float:
        elapsed = time.perf_counter() - self.began
        self.screen.print(
            f"[green]✓[/] [dim]{elapsed:7.2f} s[/]  [bold]{self.step}[/]  {escape(seen)}", soft_wrap=True
        )
        return elapsed


async def demonstrate(home: Home, options: Options, screen: Console) -> None:
    """Run the system in this home and the main job in it."""
    stage = Stage(screen)
    began = time.perf_counter()

    def announce(line: str) -> None:
        screen.print(f"  [dim]{escape(line)}[/]", soft_wrap=True)

    async def perform(system: System) -> None:
        stage.done(f"API at {system.site.api}, two databases, edge function, two workers, simulated vendors")
        try:
            await play(system, stage)
        except DemoFailed as error:
            logs = "\n".join(f"— {name} —\n{keeper.log_tail()}" for name, keeper in system.keepers.items())
            raise DemoFailed(f"{error}\n{logs}") from error

    if not await supervise(home, options, announce, perform):
        raise DemoFailed(f"ended by hand during: {stage.step}")
    screen.print(
        f"\n[bold green]All of it worked[/], in {time.perf_counter() - began:.1f} s; nothing is left running."
    )


async def play(system: System, stage: Stage) -> None:
    symbol, timeframe = await subject(system, stage)
    with stage.act("sign up"):
        token = await sign_up(system)
    async with httpx.AsyncClient(
        base_url=system.site.api,
        timeout=REQUEST_SECONDS,
        headers={"authorization": f"Bearer {token}"},
        trust_env=False,
    ) as api:
        with stage.act("sign up"):
            credits_at_start = (await get(api, "/v1/credits"))["available"]
            stage.done(f"{EMAIL} has {credits_at_start} credits")
        chat = await asyncpg.connect(system.site.dsn("chat"), timeout=REQUEST_SECONDS)
        trading = await asyncpg.connect(system.site.dsn("trading"), timeout=REQUEST_SECONDS)
        try:
            await watch(api, stage, symbol, timeframe)
            await see_mirror(trading, stage, symbol, timeframe)
            await see_ingest(trading, stage, symbol, timeframe)
            signal = await see_signal(api, trading, stage, symbol, timeframe)
            await see_win_rate(api, stage, symbol, timeframe)
            await chat_about(api, stage, symbol, timeframe, signal)
            await see_ledger(api, chat, stage, credits_at_start)
        finally:
            await trading.close()
            await chat.close()


async def subject(system: System, stage: Stage) -> tuple[str, str]:
    """What is watched: the file's own symbol and timeframe, else Bitcoin by the hour."""
    with stage.act("market"):
        async with httpx.AsyncClient(timeout=REQUEST_SECONDS, trust_env=False) as client:
            market = (await get(client, f"{system.site.simulators}/_status"))["market"]
        stage.done(
            market["note"]
            if market["source"] == "synthetic"
            else f"replays {market['file']}: {market['note']}"
        )
    return market["symbol"] or "BTC/USDT", market["timeframe"] or "1h"


async def sign_up(system: System) -> str:
    async with httpx.AsyncClient(timeout=REQUEST_SECONDS, trust_env=False) as client:
        answer = await client.post(
            f"{system.site.auth}/auth/v1/signup",
            json={"email": EMAIL, "password": PASSWORD},
            headers={"apikey": PUBLISHABLE_KEY},
        )
    return str(checked(answer)["access_token"])


async def watch(api: httpx.AsyncClient, stage: Stage, symbol: str, timeframe: str) -> None:
    with stage.act("watch"):
        row = checked(await api.put("/v1/symbols", json={"symbol": symbol, "timeframe": timeframe}))
        stage.done(f"PUT /v1/symbols {row['symbol']} {row['timeframe']}")


async def see_mirror(trading: Connection, stage: Stage, symbol: str, timeframe: str) -> None:
    with stage.act("mirrored to B"):
        version = await until(
            lambda: trading.fetchval(
                "select version from public.watchers where symbol = $1 and timeframe = $2 and active",
                symbol,
                timeframe,
            )
        )
        elapsed = stage.done(f"trigger → outbox {version} → relay → signed webhook → watchers")
        if elapsed > MIRROR_SECONDS_TARGET:
            stage.screen.print(f"  [yellow]slower than the {MIRROR_SECONDS_TARGET:.0f} s it should take[/]")


async def see_ingest(trading: Connection, stage: Stage, symbol: str, timeframe: str) -> None:
    with stage.act("ingested"):
        # The readings are written in the transaction that writes the candles.
        row = await until(
            lambda: trading.fetchrow(
                "select data, (select count(*) from public.candles where symbol = $1 and timeframe = $2) as candles"
                " from public.indicators"
                " where symbol = $1 and timeframe = $2 and source = 'technical'"
                " order by opened_at desc limit 1",
                symbol,
                timeframe,
            )
        )
        names = sorted(json.loads(row["data"]))
        stage.done(f"{row['candles']:,} candles, newest with {len(names)} indicators: {', '.join(names)}")
        if len(names) != INDICATORS:
            raise ValueError(f"{len(names)} indicators instead of {INDICATORS}")


async def see_signal(
    api: httpx.AsyncClient, trading: Connection, stage: Stage, symbol: str, timeframe: str
) -> dict[str, Any]:
    with stage.act("signal"):
        # The signal of the newest closed candle, not one of the history that is judged with it.
        newest = await trading.fetchval(
            "select max(opened_at) from public.candles where symbol = $1 and timeframe = $2",
            symbol,
            timeframe,
        )
        path = f"/v1/signals/{symbol.replace('/', '-')}"

        async def fresh() -> dict[str, Any] | None:
            rows: list[dict[str, Any]] = (await get(api, path, timeframe=timeframe, limit=1))["items"]
            return rows[0] if rows and rows[0]["opened_at"][:19] >= f"{newest:%Y-%m-%dT%H:%M:%S}" else None

        signal: dict[str, Any] = await until(fresh)
        confidence = f", confidence {signal['confidence']:.2f}" if signal["confidence"] is not None else ""
        stage.done(
            f"{signal['direction']}, score {signal['score']:+.2f}, strength {signal['strength']}{confidence},"
            f" entry {signal['entry_price']}, targets {signal['targets']}, stop {signal['stop_price']},"
            f" verdict {signal['verdict']}"
        )
    return signal


async def see_win_rate(api: httpx.AsyncClient, stage: Stage, symbol: str, timeframe: str) -> None:
    with stage.act("win rate"):
        path = f"/v1/win-rates/{symbol.replace('/', '-')}"

        async def known() -> dict[str, Any] | None:
            rows = (await get(api, path, timeframe=timeframe, limit=200))["items"]
            return max(
                (row for row in rows if row["rate"] is not None), key=lambda row: row["n"], default=None
            )

        row: dict[str, Any] = await until(known)
        baseline = f"; random entries {row['baseline']:.1%}" if row["baseline"] is not None else ""
        stage.done(
            f"{row['rate']:.1%} of n={row['n']} ({row['direction']}, {row['origin']}, {row['lookback_days']} days,"
            f" within {row['horizon']}), 95 % interval {row['low']:.1%} – {row['high']:.1%}{baseline}"
        )
        if row["n"] < SIGNALS_TO_JUDGE:
            raise ValueError(f"only {row['n']} judged signals")


async def chat_about(
    api: httpx.AsyncClient, stage: Stage, symbol: str, timeframe: str, signal: dict[str, Any]
) -> None:
    question = f"What is your signal for {symbol} on {timeframe}, and how often is it right?"
    with stage.act("chat"):
        stage.screen.print(f"\n[cyan]you[/]     {question}")
        stage.screen.print("[cyan]zmarty[/]  ", end="")
        answer: list[str] = []
        first_token = 0.0
        async for part in ui_stream(api, question):
            if part["type"] == "error":
                raise ValueError(part["errorText"])
            if part["type"] == "text-delta":
                first_token = first_token or time.perf_counter() - stage.began
                answer.append(part["delta"])
                stage.screen.print(part["delta"], end="", soft_wrap=True, markup=False)
        stage.screen.print("\n")
        text = "".join(answer)
        stage.done(f"{len(answer)} pieces streamed, the first after {first_token:.2f} s")
        for number in (f"{abs(signal['score']):.2f}", str(signal["strength"])):
            if number not in text:
                raise ValueError(f"the answer does not name the signal's {number}")


async def ui_stream(api: httpx.AsyncClient, question: str) -> AsyncIterator[dict[str, Any]]:
    """The parts of a streamed answer; ends only at the stream's own end."""
    async with api.stream("POST", "/chat", json={"message": question, "stream": True}) as response:
        if response.is_error:
            await response.aread()
            checked(response)
        async for line in response.aiter_lines():
            if line == "data: [DONE]":
                return
            if line.startswith("data: "):
                yield json.loads(line.removeprefix("data: "))
    raise ValueError("the stream was cut before its end")


async def see_ledger(api: httpx.AsyncClient, chat: Connection, stage: Stage, credits_at_start: int) -> None:
    with stage.act("charged"):
        row = await until(
            lambda: chat.fetchrow(
                "select kind, amount, balance_after, provider, model, input_tokens, output_tokens"
                " from public.credits_ledger where kind = 'charge' order by id desc limit 1"
            )
        )
        available = (await get(api, "/v1/credits"))["available"]
        stage.done(
            f"ledger row {row['amount']} credits for {row['input_tokens']} + {row['output_tokens']} tokens"
            f" of {row['model']} ({row['provider']}); balance {credits_at_start} → {available}"
        )
        if available != credits_at_start + row["amount"] or row["balance_after"] != available:
            raise ValueError("the balance is not what the ledger says")


async def get(client: httpx.AsyncClient, path: str, **query: Any) -> dict[str, Any]:
    return checked(await client.get(path, params=query))


def checked(answer: httpx.Response) -> dict[str, Any]:
    if answer.is_error:
        raise ValueError(f"{answer.request.url.path} answered {answer.status_code}: {answer.text[:500]}")
    body: dict[str, Any] = answer.json()
    return body


async def until(look: Callable[[], Awaitable[Found | None]]) -> Found:
    """Look again and again until there is something, within a step's time."""
    async with asyncio.timeout(STEP_SECONDS):
        while True:
            if (found := await look()) is not None:
                return found
            await asyncio.sleep(POLL_SECONDS)
