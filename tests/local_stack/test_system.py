"""The whole system as a person meets it: one terminal runs it, another one looks and changes."""

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest

from local_stack.home import Home
from local_stack.process import process_started
from local_stack.site import SERVICES
from tests.support.system import RunningSystem, run_zmarty, running_system, started_system, wait_for

pytestmark = pytest.mark.timeout(300)
ADDRESSES = {"api", "chat_database", "trading_database", "edge_functions", "auth", "simulators"}


@pytest.fixture(scope="module")
def system() -> Iterator[RunningSystem]:
    with running_system("--seed", "7") as system:
        yield system


def test_status_tells_programs_where_everything_is(system: RunningSystem) -> None:
    status = json.loads(system.zmarty("status", "--json").stdout)

    assert set(status) == ADDRESSES | {"services"}
    assert set(status["services"]) == set(SERVICES)
    assert {service["state"] for service in status["services"].values()} == {"healthy"}
    assert httpx.get(f"{status['api']}/livez").status_code == 200
    assert httpx.get(status["edge_functions"]).status_code == 405


def test_the_doctor_finds_nothing(system: RunningSystem) -> None:
    seen = system.zmarty("doctor", check=False)

    # In a quiet market a source may have nothing to tell, and the doctor says so.
    complaints = [line for line in seen.stdout.splitlines() if "✗" in line and "sources: missing" not in line]
    assert complaints == [], seen.stdout
    assert seen.returncode == int("✗" in seen.stdout)


def test_a_token_opens_the_api(system: RunningSystem) -> None:
    status = system.status()
    token = system.zmarty("token", "reader@example.com").stdout.strip()

    answer = httpx.get(f"{status['api']}/v1/credits", headers={"authorization": f"Bearer {token}"})

    assert answer.status_code == 200
    assert answer.json()["available"] == 100
    # The same user again, not another one.
    assert claims(system.token("Reader@example.com"))["sub"] == claims(token)["sub"]


def test_an_operators_token_says_so(system: RunningSystem) -> None:
    assert "role" not in claims(system.token("boss@example.com"))["app_metadata"]

    token = system.zmarty("token", "boss@example.com", "--operator").stdout.strip()

    assert claims(token)["app_metadata"]["role"] == "operator"


def test_grant_and_tier_reach_the_running_system(system: RunningSystem) -> None:
    system.token("customer@example.com")

    assert "150 credits" in system.zmarty("grant", "customer@example.com", "50", "--reason", "sorry").stdout
    assert "free → pro" in system.zmarty("tier", "customer@example.com", "pro").stdout


def test_a_killed_worker_comes_back(system: RunningSystem) -> None:
    before = system.status()["services"]["worker"]

    os.kill(before["pid"], signal.SIGKILL)

    def is_back() -> bool:
        now = system.status()["services"]["worker"]
        return bool(now["state"] == "healthy" and now["pid"] != before["pid"])

    wait_for(is_back, seconds=120, what="the worker to come back")
    assert system.status()["services"]["worker"]["restarts"] == before["restarts"] + 1


def test_restart_changes_one_process_only(system: RunningSystem) -> None:
    before = system.status()["services"]

    system.zmarty("restart", "worker-2")

    after = system.status()["services"]
    assert {name for name in SERVICES if after[name]["pid"] != before[name]["pid"]} == {"worker-2"}
    assert after["worker-2"]["state"] == "healthy"


def test_an_unknown_service_is_refused(system: RunningSystem) -> None:
    for verb in ("restart", "logs"):
        refused = system.zmarty(verb, "nothing", check=False)
        assert refused.returncode == 1
        assert "worker-2" in refused.stderr


def test_logs_show_one_service_or_all(system: RunningSystem) -> None:
    one = system.zmarty("logs", "auth").stdout
    everything = system.zmarty("logs").stdout

    assert one.startswith("{")
    assert any(line.startswith("auth ") for line in everything.splitlines())
    assert any(line.startswith("simulators ") for line in everything.splitlines())


def test_a_second_start_in_the_same_home_is_refused(system: RunningSystem) -> None:
    refused = system.zmarty("up", check=False)

    assert refused.returncode == 1
    assert "already" in refused.stderr


def test_no_vendor_key_reaches_a_process(system: RunningSystem) -> None:
    for name in ("api", "worker"):
        pid = system.status()["services"][name]["pid"]
        with open(f"/proc/{pid}/environ") as stream:
            settings = dict(part.partition("=")[::2] for part in stream.read().split("\0") if part)
        assert settings["OPENAI_API_KEY"].startswith("simulated")
        assert settings["OPENAI_BASE_URL"].startswith("http://127.0.0.1:")


@pytest.mark.parametrize("arguments", [["--live", "nobody"], ["--market-data", "/no/such/file.csv"]])
def test_a_wrong_option_is_one_line(arguments: list[str], tmp_path: Path) -> None:
    refused = run_zmarty(Home(tmp_path), "up", *arguments, check=False)

    assert refused.returncode == 1
    assert refused.stderr.startswith("✗")
    assert refused.stderr.count("\n") == 1


def test_it_all_ends_with_its_supervisor_and_starts_again(system: RunningSystem) -> None:
    """The last one here: it ends the system that the others look at."""
    if system.process.poll() is not None:  # by a try of this test that failed afterwards
        with started_system(system.home) as again:
            ends_with_its_supervisor_and_starts_again(again)
    else:
        ends_with_its_supervisor_and_starts_again(system)


def ends_with_its_supervisor_and_starts_again(system: RunningSystem) -> None:
    pids = [service["pid"] for service in system.status()["services"].values()]
    servers = [
        int((system.home.clusters / kind / "postmaster.pid").read_text().splitlines()[0])
        for kind in ("chat", "trading")
    ]
    system.token("keeper@example.com")

    system.process.kill()

    wait_for(lambda: not any(process_started(pid) for pid in pids + servers), seconds=60, what="all to end")
    gone = system.zmarty("status", "--json", check=False)
    assert gone.returncode == 1
    assert "zmarty up" in gone.stderr

    with started_system(system.home) as again:
        assert "150" in again.zmarty("grant", "keeper@example.com", "50", "--reason", "kept").stdout
        stopped = again.zmarty("down")
        assert "stopped" in stopped.stdout
        assert again.process.wait(60) == 0
    assert not system.home.control_socket.exists()


def claims(token: str) -> dict[str, Any]:
    read: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return read
