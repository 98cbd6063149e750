"""The web client's types, made from the API's OpenAPI document: `python -m local_stack.client_types [--check]`.

The first line of the file names the document that it was made from and what was made of it, so that the check needs no
Node.
"""

import argparse
import hashlib
import json
import subprocess
import sys
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any

from orchestrator_api.app import ROUTES
from orchestrator_api.openapi import document_of

WEB = Path(__file__).resolve().parent.parent / "web"
TYPES = WEB / "client" / "src" / "schema.d.ts"
COMMAND = (
    "npx",
    "--no-install",
    "openapi-typescript",
    "--root-types",
    "--root-types-no-schema-prefix",
    "--default-non-nullable=false",
)
SECONDS_MAX = 120


def document() -> bytes:
    """What the types are made from. Refusals all have one shape, and are left out."""
    whole = document_of(ROUTES, version="0", server_url="/")
    for path in whole["paths"].values():
        for operation in path.values():
            operation["responses"] = _successes(operation["responses"])
    return json.dumps(whole, sort_keys=True).encode()


def head(source: bytes, made: str) -> str:
    return f"// Made by `make pages` from the API's models; do not edit. Source: {_mark(source)}, text: {_mark(made.encode())}\n"


def write() -> None:
    source = document()
    done = subprocess.run(
        COMMAND, cwd=WEB, input=source, capture_output=True, check=True, timeout=SECONDS_MAX
    )
    made = done.stdout.decode()
    TYPES.write_text(head(source, made) + made)


def is_current() -> bool:
    first, _, made = TYPES.read_text().partition("\n") if TYPES.is_file() else ("", "", "")
    return f"{first}\n" == head(document(), made)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m local_stack.client_types", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail when the types are stale")
    if not parser.parse_args(arguments).check:
        write()
    elif not is_current():
        sys.stderr.write(
            f"{TYPES.relative_to(WEB.parent)} is older than the API; `make pages` makes it anew\n"
        )
        return 1
    return 0


def _mark(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def _successes(responses: Mapping[str, Any]) -> dict[str, Any]:
    return {status: answer for status, answer in responses.items() if int(status) < HTTPStatus.BAD_REQUEST}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
