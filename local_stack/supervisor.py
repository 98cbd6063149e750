"""Runs a system while some work lasts, until Ctrl-C, SIGTERM or `zmarty down`, and answers other terminals meanwhile."""

from __future__ import annotations

import asyncio
import fcntl
import signal
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeAlias

from local_stack.control import Request, listening
from local_stack.home import Home
from local_stack.site import DATABASES, SERVICES, Options, Site
from local_stack.system import Announce, System

Work: TypeAlias = Callable[[System], Awaitable[None]]


class AlreadyRunning(Exception):
    """A supervisor of this home is at work already."""


async def supervise(home: Home, options: Options, announce: Announce, work: Work) -> bool:
    """Start a system, do the work in it, stop it whatever happens. False when somebody ended it before the work was done."""
    ending = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, ending.set)
    running = asyncio.create_task(work_within(home, options, announce, work, ending))
    ended = asyncio.create_task(ending.wait())
    await asyncio.wait({running, ended}, return_when=asyncio.FIRST_COMPLETED)
    ended.cancel()
    if not running.done():
        announce("stopping")
        running.cancel()
    with suppress(asyncio.CancelledError):
        await running
        return True
    return False


async def work_within(
    home: Home, options: Options, announce: Announce, work: Work, ending: asyncio.Event
) -> None:
    options.check()
    home.create()
    with supervising(home):
        system = System(Site(home, options), announce)
        try:
            async with listening(home, answering(system, ending)):
                await system.start()
                await work(system)
        finally:
            await system.stop()


@contextmanager
def supervising(home: Home) -> Iterator[None]:
    """Hold the home's lock: one supervisor at a time. The kernel lets it go when its holder dies."""
    with home.lock_file.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyRunning(f"a system runs in {home.path} already; `zmarty down` stops it") from None
        yield


def answering(system: System, ending: asyncio.Event) -> Callable[[Request], Awaitable[dict[str, Any]]]:
    """What another terminal may ask of this system."""

    async def answer(request: Request) -> dict[str, Any]:
        match request:
            case {"verb": "status"}:
                return system.status()
            case {"verb": "market"}:
                return await system.market()
            case {"verb": "down"}:
                ending.set()
                return {}
            case {"verb": "restart", "service": None}:
                await system.restart()
                return {}
            case {"verb": "restart", "service": str(name)} if name in (*SERVICES, *DATABASES):
                await system.restart(name)
                return {}
            case _:
                return {"error": f"no such verb or service; services: {', '.join(SERVICES)}"}

    return answer
