"""Loads the named statements of a package: the one way SQL enters Python."""

import re
from collections.abc import Mapping
from importlib.resources import files
from types import MappingProxyType

_NAME = re.compile(r"^-- name: (\w+)[ \t]*$", re.MULTILINE)


def load(package: str | None) -> Mapping[str, str]:
    """Return the blocks of `queries.sql` beside the calling package by name; call as `load(__package__)`.

    A block starts with a line `-- name: <name>` and ends where the next one starts. A name that occurs twice is an error.
    """
    assert package, "load(__package__) works in modules of a package only"
    text = files(package).joinpath("queries.sql").read_text(encoding="utf-8")
    pieces = _NAME.split(text)[1:]
    names, statements = pieces[::2], pieces[1::2]
    assert len(set(names)) == len(names), f"{package}/queries.sql names a statement twice"
    return MappingProxyType({name: body.strip() for name, body in zip(names, statements, strict=True)})
