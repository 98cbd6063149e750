"""docs/READING.md tells the two sentences as links to functions; every name in it must exist where it says."""

import importlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# `module.path:name` or `module.path:Class.name`, followed by a link to its file.
NAMES = re.findall(
    r"\[`([\w.]+):([\w.]+)`\]\(\.\./([\w/.-]+)\)", (ROOT / "docs" / "READING.md").read_text(encoding="utf-8")
)


def test_the_guide_names_every_arrow() -> None:
    assert len(NAMES) >= 11


@pytest.mark.parametrize(("module", "name", "file"), NAMES)
def test_a_name_exists_where_the_guide_says(module: str, name: str, file: str) -> None:
    found = importlib.import_module(module)
    assert Path(str(found.__file__)) == ROOT / file
    thing: object = found
    for part in name.split("."):
        thing = getattr(thing, part)
    assert callable(thing)
