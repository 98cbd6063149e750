"""render.yaml is true to the code: nothing it sets is unknown, nothing a service requires is missing, what it runs exists."""

import importlib.util
import json
import os
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import AliasChoices
from pydantic_settings import BaseSettings

from console.settings import ConsoleSettings
from orchestrator_api.app import ROUTES
from orchestrator_api.settings import Settings
from orchestrator_worker.settings import WorkerSettings

REPOSITORY = Path(__file__).parents[2]
BLUEPRINT: dict[str, Any] = yaml.safe_load((REPOSITORY / "render.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = {service["name"]: service for service in BLUEPRINT["services"]}
GROUPS: dict[str, dict[str, Any]] = {group["name"]: group for group in BLUEPRINT["envVarGroups"]}
SETTINGS: dict[str, type[BaseSettings]] = {
    "orchestrator-api": Settings,
    "orchestrator-worker": WorkerSettings,
}
# Render's own: of Python, and of Node, which builds the web app.
PLATFORM = {"PYTHON_VERSION", "NODE_VERSION"}
both_services = pytest.mark.parametrize("name", SETTINGS)


def names_of(settings: type[BaseSettings], *, required_only: bool = False) -> list[set[str]]:
    """Every setting as the set of names it goes by."""
    found = []
    for name, field in settings.model_fields.items():
        if required_only and not field.is_required():
            continue
        alias = field.validation_alias
        found.append(
            {str(choice) for choice in alias.choices} if isinstance(alias, AliasChoices) else {name.upper()}
        )
    return found


def variables(name: str) -> dict[str, dict[str, Any]]:
    """What a service finds in its environment: its own variables and those of its groups."""
    found: dict[str, dict[str, Any]] = {}
    for variable in SERVICES[name]["envVars"]:
        listed = GROUPS[variable["fromGroup"]]["envVars"] if "fromGroup" in variable else [variable]
        found |= {entry["key"]: entry for entry in listed}
    return found


def test_there_is_one_web_service_and_one_worker() -> None:
    assert {name: service["type"] for name, service in SERVICES.items()} == {
        "orchestrator-api": "web",
        "orchestrator-worker": "worker",
    }


@both_services
def test_every_variable_is_a_setting_of_its_service(name: str) -> None:
    known = PLATFORM.union(*names_of(SETTINGS[name]))
    if "preDeployCommand" in SERVICES[name]:
        known = known.union(*names_of(ConsoleSettings))

    assert set(variables(name)) - known == set()


@both_services
def test_what_a_service_requires_is_asked_for(name: str) -> None:
    missing = [
        names for names in names_of(SETTINGS[name], required_only=True) if not names & set(variables(name))
    ]

    assert missing == []


@both_services
def test_every_key_of_a_vendor_is_asked_for(name: str) -> None:
    keys = {choice for names in names_of(SETTINGS[name]) for choice in names if choice.endswith("_API_KEY")}

    assert keys - set(variables(name)) == set()


def test_no_secret_stands_in_the_file_and_no_group_loses_one() -> None:
    for group in GROUPS.values():
        assert all("value" in variable for variable in group["envVars"]), "a group ignores sync: false"
        assert not [entry["key"] for entry in group["envVars"] if is_secret(entry["key"])]
    for service in SERVICES.values():
        assert all(variable.get("sync") is False for variable in service["envVars"] if "key" in variable)


def is_secret(name: str) -> bool:
    return bool(re.search(r"KEY|SECRET|DATABASE_URL|PASSWORD|TOKEN", name))


def test_only_the_worker_holds_the_owners_logins() -> None:
    assert {name for name in SERVICES if "CHAT_OWNER_DATABASE_URL" in variables(name)} == {
        "orchestrator-worker"
    }


@both_services
def test_values_in_the_file_are_values_the_service_takes(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    given = {key: entry["value"] for key, entry in variables(name).items() if "value" in entry}
    assert all(isinstance(value, str) for key, value in given.items()), "unquoted, YAML reads a number"
    for key, value in given.items():
        monkeypatch.setenv(key, value)
    for key, value in {
        "CHAT_DATABASE_URL": "postgresql://zmarty_api@host/postgres",
        "TRADING_DATABASE_URL": "postgresql://zmarty_api@host/postgres",
        "CHAT_SUPABASE_URL": "https://a.supabase.co",
        "WATCHERS_WEBHOOK_URL": "https://b.supabase.co/functions/v1/watchers-upsert",
        "WATCHERS_WEBHOOK_SECRETS": "whsec_" + "A" * 44,
    }.items():
        monkeypatch.setenv(key, value)

    SETTINGS[name](_env_file=None)


@both_services
def test_render_waits_longer_than_a_drain_takes(name: str) -> None:
    delay = SERVICES[name]["maxShutdownDelaySeconds"]

    assert int(variables(name)["SHUTDOWN_SECONDS"]["value"]) < delay <= 300
    assert SETTINGS[name].model_fields["shutdown_seconds"].default < delay


@both_services
def test_what_a_service_runs_exists(name: str) -> None:
    service = SERVICES[name]
    for command in filter(None, (service["startCommand"], service.get("preDeployCommand"))):
        # Render hands a pre-deploy command to no shell.
        assert not re.search(r"[|&;<>$`]", command)
        program, flag, module, *_ = shlex.split(command)
        assert (program, flag) == ("python", "-m")
        assert importlib.util.find_spec(f"{module}.__main__") is not None
    for file in re.findall(r"-r (\S+)", service["buildCommand"]):
        assert (REPOSITORY / file).is_file()
    for script in re.findall(r"\S+\.sh\b", service["buildCommand"]):
        assert os.access(REPOSITORY / script, os.X_OK)


def test_the_api_builds_the_app_that_it_serves() -> None:
    assert {name for name, service in SERVICES.items() if "ops/build_web.sh" in service["buildCommand"]} == {
        "orchestrator-api"
    }
    # Where it runs is where it was built: the checkout.
    assert Settings.model_fields["web_dist"].default == "web/dist"
    engines = json.loads((REPOSITORY / "web/package.json").read_text(encoding="utf-8"))["engines"]["node"]
    node = variables("orchestrator-api")["NODE_VERSION"]["value"]
    assert [int(part) for part in node.split(".")] >= [
        int(part) for part in engines.removeprefix(">=").split(".")
    ]


def test_the_platform_asks_for_the_process_alone() -> None:
    path = SERVICES["orchestrator-api"]["healthCheckPath"]

    assert path == "/livez"
    assert path in {getattr(route, "path", None) for route in ROUTES}


def test_everything_runs_in_one_region_on_a_python_named_in_full() -> None:
    assert {service["region"] for service in SERVICES.values()} == {"virginia"}
    assert {service["runtime"] for service in SERVICES.values()} == {"python"}
    assert re.fullmatch(r"3\.\d+\.\d+", variables("orchestrator-api")["PYTHON_VERSION"]["value"])


@both_services
def test_no_deploy_goes_around_the_script(name: str) -> None:
    # Written without quotes, YAML reads `off` as a boolean, which is no trigger.
    assert SERVICES[name]["autoDeployTrigger"] == "off"
