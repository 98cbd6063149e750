"""Cryptometer's real answers, where this machine has them, and JSON as our client hands it to parsers."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

CAPTURES = Path(__file__).parents[4] / "shared/data/cryptometer"
CAPTURED_AT = datetime(2025, 7, 31, 9, 24, tzinfo=UTC)


def capture(name: str) -> Any:
    path = CAPTURES / f"{name}.json"
    if not path.exists():
        pytest.skip("the folder of real captures is not here")
    return json.loads(path.read_text(), parse_float=Decimal)["response"]["data"]


def as_read(value: Any) -> Any:
    """The value as our client hands it to a parser: through JSON, fractions as Decimal."""
    return json.loads(json.dumps(value), parse_float=Decimal)
