"""A keeper brings a process up, brings it back when it dies, and lets none outlive it."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from local_stack.keeper import Keeper, Running, Service, StartFailed, end_leftovers, trim_log
from local_stack.process import is_listening, process_started, stop_process
from tests.support.system import wait_for

SERVE = "import pathlib, sys, time; pathlib.Path(sys.argv[1]).write_text('up'); time.sleep(60)"


def service(folder: Path, code: str, **options: object) -> Service:
    sign = folder / "sign"

    async def is_healthy(_: Running) -> bool:
        return sign.exists()

    return Service(
        name="thing",
        command=(sys.executable, "-c", code, str(sign)),
        log=folder / "thing.log",
        is_healthy=is_healthy,
        **options,  # type: ignore[arg-type]
    )


@asynccontextmanager
async def kept(thing: Service) -> AsyncIterator[Keeper]:
    keeper = Keeper(thing, lambda: None)
    try:
        yield keeper
    finally:
        await keeper.stop()


async def until_state(keeper: Keeper, state: str) -> None:
    async with asyncio.timeout(40):
        while keeper.state != state:
            await asyncio.sleep(0.01)


async def test_start_returns_when_healthy(tmp_path: Path) -> None:
    async with kept(service(tmp_path, SERVE)) as keeper:
        await keeper.start()

        assert keeper.state == "healthy"
        assert keeper.pid
        assert keeper.restarts == 0


async def test_a_killed_process_comes_back(tmp_path: Path) -> None:
    async with kept(service(tmp_path, SERVE)) as keeper:
        await keeper.start()
        first = keeper.pid
        assert first

        os.kill(first, signal.SIGKILL)
        await until_state(keeper, "restarting")
        await until_state(keeper, "healthy")

        assert keeper.pid not in (None, first)
        assert keeper.restarts == 1


async def test_a_requested_restart_changes_the_process(tmp_path: Path) -> None:
    async with kept(service(tmp_path, SERVE)) as keeper:
        await keeper.start()
        first = keeper.pid

        await keeper.restart()

        assert keeper.state == "healthy"
        assert keeper.pid not in (None, first)


async def test_a_service_that_cannot_start_says_why(tmp_path: Path) -> None:
    async with kept(service(tmp_path, "raise SystemExit('no such setting')")) as keeper:
        with pytest.raises(StartFailed, match="no such setting"):
            await keeper.start()


async def test_a_process_that_ignores_the_signal_is_killed(tmp_path: Path) -> None:
    code = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + SERVE
    async with kept(service(tmp_path, code, stop_seconds=0.3)) as keeper:
        await keeper.start()
        pid = keeper.pid
        assert pid

        await keeper.stop()

        assert keeper.state == "stopped"
        assert process_started(pid) is None


async def test_a_lost_health_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("local_stack.keeper.WATCH_SECONDS", 0.02)
    async with kept(service(tmp_path, SERVE)) as keeper:
        await keeper.start()
        pid = keeper.pid

        (tmp_path / "sign").unlink()
        await until_state(keeper, "unhealthy")
        (tmp_path / "sign").touch()
        await until_state(keeper, "healthy")

        assert keeper.pid == pid


def test_children_die_with_a_killed_supervisor(tmp_path: Path) -> None:
    code = f"""
import asyncio, pathlib, sys
sys.path.insert(0, {str(Path.cwd())!r})
from tests.local_stack.test_keeper import Keeper, SERVE, service
async def main():
    keeper = Keeper(service(pathlib.Path({str(tmp_path)!r}), SERVE), lambda: None)
    await keeper.start()
    print(keeper.pid, flush=True)
    await asyncio.sleep(60)
asyncio.run(main())
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as supervisor:
        try:
            assert supervisor.stdout
            child = int(supervisor.stdout.readline())
            assert process_started(child)

            supervisor.kill()

            wait_for(lambda: process_started(child) is None, seconds=5, what="the child to die")
        finally:
            stop_process(supervisor)


async def test_leftovers_are_ended_and_strangers_are_not() -> None:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as left:
        try:
            started = process_started(left.pid)
            assert started
            mine = process_started(os.getpid())
            assert mine

            # Our own pid with another start stands for a number that was given out again.
            ended = await end_leftovers({"worker": (left.pid, started), "api": (os.getpid(), mine - 5)})

            assert ended == ["worker"]
            assert left.wait(5) == -signal.SIGTERM
        finally:
            stop_process(left)


def test_a_long_log_is_cut_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("local_stack.keeper.LOG_BYTES_MAX", 10)
    log = tmp_path / "thing.log"
    log.write_text("more than ten bytes")

    trim_log(log)

    assert log.read_text() == ""
    assert (tmp_path / "thing.log.1").read_text() == "more than ten bytes"


def test_only_the_listener_of_a_port_counts() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

        assert is_listening(os.getpid(), port)
        assert not is_listening(os.getppid(), port)
    assert not is_listening(os.getpid(), port)


async def test_a_check_that_breaks_does_not_end_the_watch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("local_stack.keeper.WATCH_SECONDS", 0.02)
    breaks = False

    async def is_healthy(_: Running) -> bool:
        if breaks:
            raise RuntimeError("a fault nobody thought of")
        return True

    async with kept(replace(service(tmp_path, SERVE), is_healthy=is_healthy)) as keeper:
        await keeper.start()
        first = keeper.pid
        assert first

        breaks = True
        await until_state(keeper, "unhealthy")
        breaks = False
        os.kill(first, signal.SIGKILL)
        await until_state(keeper, "restarting")
        await until_state(keeper, "healthy")

        assert keeper.pid not in (None, first)
