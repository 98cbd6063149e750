"""Logs tell what happened and never what somebody said or signed in with."""

import json
import subprocess
import sys
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from zmarty import logging
from zmarty.market import Symbol, Timeframe

PROGRAM = """
import logging as standard

import structlog
from zmarty import logging

logging.configure("api", json={json})
log = structlog.get_logger("test")

def sign_in(token):
    raise ValueError("refused")

try:
    sign_in("the-secret-" + "token")
except ValueError:
    log.exception("sign_in_failed", request_id="r1")
    standard.getLogger("asyncpg.pool").warning("a library %s", "warns", exc_info=True)
"""


@pytest.mark.parametrize("as_json", [True, False])
def test_a_traceback_shows_no_local_variables(as_json: bool) -> None:
    program = PROGRAM.replace("{json}", str(as_json))
    told = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    ).stderr

    assert "ValueError: refused" in told
    assert "the-secret-token" not in told
    if as_json:
        line, of_library = [json.loads(line) for line in told.splitlines()]
        assert (of_library["event"], of_library["logger"]) == ("a library warns", "asyncpg.pool")
        assert (line["event"], line["service"], line["level"], line["request_id"]) == (
            "sign_in_failed",
            "api",
            "error",
            "r1",
        )
        assert datetime.fromisoformat(line["timestamp"]).tzinfo == UTC


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (Symbol("BTC/USDT"), "BTC/USDT"),
        (Timeframe.HOUR_1, "1h"),
        (Decimal("1.10"), "Decimal('1.10')"),
        (datetime(2026, 11, 20, 8, tzinfo=UTC), "2026-11-20T08:00:00Z"),
        (2**70, 2**70),
        ("half a pair: \ud800", "half a pair: \ud800"),
        ({1: "one"}, {"1": "one"}),
        ("two\nlines", "two\nlines"),
    ],
)
def test_a_line_holds_whatever_it_is_given(value: object, shown: object) -> None:
    line = logging.render_json(None, "info", {"event": "told", "value": value})

    assert "\n" not in line
    assert json.loads(line) == {"event": "told", "value": shown}
