""".env.example is the documentation of the settings: nothing is missing there and nothing is invented."""

import re
from pathlib import Path

from pydantic import AliasChoices
from pydantic_settings import BaseSettings

from console.settings import ConsoleSettings
from orchestrator_api.settings import Settings
from orchestrator_worker.settings import WorkerSettings

ROOT = Path(__file__).parents[2]
EXAMPLE = (ROOT / ".env.example").read_text(encoding="utf-8")


def names_of(settings: type[BaseSettings]) -> set[str]:
    names = set()
    for name, field in settings.model_fields.items():
        choices = field.validation_alias
        names |= (
            {str(choice) for choice in choices.choices}
            if isinstance(choices, AliasChoices)
            else {name.upper()}
        )
    return names


def test_every_setting_is_documented_and_every_document_is_a_setting() -> None:
    known = names_of(Settings) | names_of(WorkerSettings) | names_of(ConsoleSettings)
    assigned = set(re.findall(r"^([A-Z_]+)=", EXAMPLE, re.MULTILINE))
    bracketed = {name for group in re.findall(r"\[([A-Z_, ]+)\]", EXAMPLE) for name in group.split(", ")}
    assert assigned | bracketed == known
