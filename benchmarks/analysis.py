"""On-demand analysis through the real API and the real worker, and how fast patterns are found."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import secrets
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import httpx
import numpy as np
import polars as pl

from benchmarks.databases import Database, scratch_cluster
from benchmarks.effort import Effort
from benchmarks.figures import Figure, Incorrect, figure, percentile, value_at_least, value_at_most
from benchmarks.idle import NOWHERE, until_beating
from benchmarks.machine import describe_machine
from benchmarks.processes import ProcessFailed, environment, last_words, worker
from console.migrations import REPOSITORY
from local_stack.clusters import free_port
from local_stack.process import start_tied, stop_process
from orchestrator_worker.intelligence.patterns import detect, walk
from zmarty.market import Timeframe

HOUR = Timeframe.HOUR_1
# Everybody asks for symbols that nobody has asked for, so that each analysis is a first one: with a history to walk.
SYMBOLS = 40
HISTORY_BARS = 2_000
TOGETHER = 2
WINDOW_BARS = 500
WINDOWS = 40
LONG_BARS = 20_000
LONG_BARS_MIN = 3_000
READY_SECONDS = 30.0
LOOK_SECONDS = 0.1
ISSUER = "http://127.0.0.1:9"


async def run(effort: Effort) -> list[Figure]:
    machine = describe_machine()
    detected, walked = [], []
    for round_number in range(effort.runs):
        bars = market(max(LONG_BARS_MIN, effort.of(LONG_BARS)), seed=round_number)
        detected.append(await asyncio.to_thread(milliseconds_a_window, bars, effort.of(WINDOWS)))
        walked.append(await asyncio.to_thread(bars_a_second, bars))
    first, later = await answers(effort)
    return [
        figure(
            "analysis on demand, a new pair with its history, p95",
            [percentile(samples, 0.95) for samples in first],
            "s",
            machine=machine,
            target=value_at_most(2, "s"),
        ),
        figure(
            "analysis on demand, a pair analysed before, p95",
            [percentile(samples, 0.95) for samples in later],
            "s",
            machine=machine,
            target=value_at_most(2, "s"),
        ),
        figure(
            f"fifteen patterns on {WINDOW_BARS} bars",
            detected,
            "ms",
            machine=machine,
            target=value_at_most(50, "ms"),
        ),
        figure(
            f"patterns over a history of {LONG_BARS} bars",
            walked,
            "bars/s",
            machine=machine,
            target=value_at_least(5_000, "bars/s"),
        ),
    ]


def milliseconds_a_window(bars: pl.DataFrame, windows: int) -> float:
    starts = np.linspace(0, bars.height - WINDOW_BARS, windows).astype(int).tolist()
    detect(bars[:WINDOW_BARS], timeframe=HOUR)
    started = time.perf_counter()
    for start in starts:
        detect(bars[start : start + WINDOW_BARS], timeframe=HOUR)
    return 1000 * (time.perf_counter() - started) / len(starts)


def bars_a_second(bars: pl.DataFrame) -> float:
    started = time.perf_counter()
    if not walk(bars, timeframe=HOUR):
        raise Incorrect("a long history has no pattern")
    return bars.height / (time.perf_counter() - started)


async def answers(effort: Effort) -> tuple[list[list[float]], list[list[float]]]:
    """Seconds from request to answer, per run: of pairs that were never analysed, and of the same after another candle."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="zmarty-bench-")))
        chat = await (await stack.enter_async_context(scratch_cluster("chat"))).database()
        trading = await (await stack.enter_async_context(scratch_cluster("trading"))).database()
        admin = await stack.enter_async_context(trading.admin())
        secret = secrets.token_hex(32)
        shared = {
            "WATCHERS_WEBHOOK_URL": f"{NOWHERE}/watchers-upsert",
            "WATCHERS_WEBHOOK_SECRETS": "whsec_" + "A" * 43 + "=",
            "EXCHANGE_BASE_URL": NOWHERE,
            "CHAT_SUPABASE_URL": ISSUER,
            "CHAT_JWT_SECRET": secret,
            # One user asks for all of them.
            "CALL_LIMITS_FACTOR": "1000",
        }
        await stack.enter_async_context(worker(shared | dsns(chat, trading, "zmarty_worker"), folder))
        url = await stack.enter_async_context(api(shared | dsns(chat, trading, "zmarty_api"), folder))
        await until_beating(admin)
        user_id = await add_user(chat)
        headers = {"Authorization": f"Bearer {token(user_id, secret)}"}
        symbols = effort.of(SYMBOLS)
        first, later = [], []
        async with httpx.AsyncClient(base_url=url, headers=headers, timeout=60, trust_env=False) as client:
            for number in range(effort.runs):
                names = [f"B{number}{index}/USDT" for index in range(symbols)]
                await store_market(trading, names, seed=number)
                first.append(await asked(client, names))
                # As if a candle had closed since: the stored analysis is no longer of the newest.
                await admin.execute(
                    "update market_intelligence set opened_at = opened_at - interval '1 hour',"
                    " computed_at = now() - interval '1 hour' where symbol = any($1::text[])",
                    names,
                )
                later.append(await asked(client, names))
    return first, later


def dsns(chat: Database, trading: Database, role: str) -> dict[str, str]:
    return {"CHAT_DATABASE_URL": chat.dsn(role), "TRADING_DATABASE_URL": trading.dsn(role)}


@asynccontextmanager
async def api(settings: Mapping[str, str], folder: Path) -> AsyncIterator[str]:
    """`python -m orchestrator_api` with these settings; yields its address."""
    log, port = folder / "api.log", free_port()
    process = start_tied(
        (sys.executable, "-m", "orchestrator_api"),
        log=log,
        death_signal=signal.SIGKILL,
        cwd=folder,
        env=environment({**settings, "PYTHONPATH": str(REPOSITORY), "HOST": "127.0.0.1", "PORT": str(port)}),
    )
    url, deadline = f"http://127.0.0.1:{port}", time.monotonic() + READY_SECONDS
    try:
        async with httpx.AsyncClient(trust_env=False) as client:
            while True:
                try:
                    if (await client.get(f"{url}/livez")).status_code == httpx.codes.OK:
                        break
                except httpx.HTTPError:
                    pass
                if process.poll() is not None or time.monotonic() > deadline:
                    raise ProcessFailed(f"the API did not come up: {last_words(log)}")
                await asyncio.sleep(LOOK_SECONDS)
        yield url
    finally:
        await asyncio.to_thread(stop_process, process)


async def asked(client: httpx.AsyncClient, symbols: Sequence[str]) -> list[float]:
    """Seconds of each answer, TOGETHER at a time."""
    taken: list[float] = []
    waiting = list(symbols)

    async def ask() -> None:
        while waiting:
            path = waiting.pop().replace("/", "-")
            started = time.perf_counter()
            answer = await client.post(f"/v1/intelligence/analyze/{path}", json={"timeframe": "1h"})
            taken.append(time.perf_counter() - started)
            if answer.status_code != httpx.codes.OK or not answer.json()["intelligence"]["levels"]:
                raise Incorrect(f"{path} was answered {answer.status_code}: {answer.text[:300]}")

    async with asyncio.TaskGroup() as asking:
        for _ in range(TOGETHER):
            asking.create_task(ask())
    return taken


async def add_user(chat: Database) -> UUID:
    user_id = uuid4()
    async with chat.admin() as admin:
        await admin.execute(
            "insert into auth.users (id, aud, role, email) values ($1, 'authenticated', 'authenticated', 'bench@example.com')",
            user_id,
        )
        await admin.execute(
            "update credit_accounts set balance = balance + 1000000 where user_id = $1", user_id
        )
    return user_id


def token(user_id: UUID, secret: str) -> str:
    """An access token as the chat project's auth server signs them with its older, shared secret."""
    now = int(time.time())
    claims = {
        "iss": f"{ISSUER}/auth/v1",
        "aud": "authenticated",
        "sub": str(user_id),
        "role": "authenticated",
        "iat": now,
        "exp": now + 36_000,
    }
    parts = [_encoded(json.dumps(part).encode()) for part in ({"alg": "HS256", "typ": "JWT"}, claims)]
    signed = hmac.new(secret.encode(), b".".join(parts), hashlib.sha256).digest()
    return b".".join([*parts, _encoded(signed)]).decode()


def _encoded(raw: bytes) -> bytes:
    return base64.urlsafe_b64encode(raw).rstrip(b"=")


async def store_market(trading: Database, symbols: Sequence[str], *, seed: int) -> None:
    async with trading.admin() as admin:
        for number, symbol in enumerate(symbols):
            bars = market(HISTORY_BARS, seed=1_000 * seed + number)
            await admin.execute(
                "insert into instruments (symbol) values ($1) on conflict do nothing",
                symbol,
            )
            await admin.execute(
                "select partitions.ensure_candle_partitions($1, $2)",
                bars["opened_at"][0],
                bars["opened_at"][-1],
            )
            await admin.execute(
                """
                insert into candles (symbol, timeframe, exchange, source, opened_at, open, high, low, close, volume)
                select $1, '1h', 'binance', 'benchmark', opened_at, open::numeric, high::numeric, low::numeric,
                  close::numeric, volume::numeric
                from unnest($2::timestamptz[], $3::float8[], $4::float8[], $5::float8[], $6::float8[], $7::float8[])
                  as bar (opened_at, open, high, low, close, volume)
                """,
                symbol,
                *(bars[name].to_list() for name in ("opened_at", "open", "high", "low", "close", "volume")),
            )


def market(bars: int, *, seed: int) -> pl.DataFrame:
    """Hourly candles of a market that drifts now and then, up to the newest closed one."""
    random = np.random.default_rng(seed)
    drift = np.repeat(random.normal(0.0, 0.0015, bars // 50 + 1), 50)[:bars]
    close = 100.0 * np.exp(np.cumsum(drift + random.normal(0.0, 0.006, bars)))
    opened = np.concatenate([[100.0], close[:-1]])
    reach = np.abs(random.normal(0.0, 0.003, (2, bars)))
    newest = HOUR.newest_closed(datetime.now(UTC))
    return pl.DataFrame(
        {
            "opened_at": [newest - HOUR.delta * back for back in range(bars - 1, -1, -1)],
            "open": opened,
            "high": np.maximum(opened, close) * (1 + reach[0]),
            "low": np.minimum(opened, close) * (1 - reach[1]),
            "close": close,
            "volume": random.uniform(1.0, 50.0, bars),
        },
        schema_overrides={"opened_at": pl.Datetime("us", "UTC")},
    )
