"""zmarty risk import: what a file would change, what it may not say, and who did it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from typer.testing import CliRunner

from console.__main__ import app
from console.anchors import AnchorsInvalid, curves_in
from tests.conftest import Dsn
from zmarty.market import Symbol

TODAY = datetime.now(UTC).date()
HEADING = "symbol,risk,price\n"
UNI = HEADING + "UNI,0,2.5\nUNI,0.5,8\nUNI,1,40\n"


@pytest.fixture
def typed(chat_dsn: Dsn, trading_dsn: Dsn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> "Typed":
    monkeypatch.setenv("CHAT_OWNER_DATABASE_URL", chat_dsn())
    monkeypatch.setenv("TRADING_OWNER_DATABASE_URL", trading_dsn())
    return Typed(tmp_path)


class Typed:
    """Runs the command on a file of the given text, without a loop of its own in the way."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, text: str, *options: str, name: str = "anchors.csv") -> str:
        (self.folder / name).write_text(text)
        result = CliRunner().invoke(app, ["risk", "import", str(self.folder / name), *options])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result.output


def rows(trading_dsn: Dsn, symbol: str = "UNI/USDT") -> list[tuple[object, ...]]:
    with psycopg.connect(trading_dsn()) as connection:
        found = connection.execute(
            "select valid_from, risk, price::float from risk_anchors where symbol = %s order by valid_from, risk",
            [symbol],
        )
        return found.fetchall()


def test_a_dry_run_shows_and_changes_nothing(typed: Typed, trading_dsn: Dsn) -> None:
    output = typed(UNI, "--dry-run")

    assert "UNI/USDT from" in output
    assert "+ 0.5 @ 8" in output
    assert "1 of 1 curves would be imported" in output
    assert rows(trading_dsn) == []


def test_a_file_is_imported_and_audited(typed: Typed, trading_dsn: Dsn, chat_dsn: Dsn) -> None:
    typed(UNI, "--actor", "ada")

    assert rows(trading_dsn) == [(TODAY, 0.0, 2.5), (TODAY, 0.5, 8.0), (TODAY, 1.0, 40.0)]
    with psycopg.connect(chat_dsn()) as connection:
        log = connection.execute("select actor, action, new from audit_log order by id").fetchall()
    assert [row[:2] for row in log] == [
        ("console:ada", "risk_import_requested"),
        ("console:ada", "risk_import_done"),
    ]
    assert log[1][2]["curves"]["UNI/USDT"][1] == "+ 0.5 @ 8"


def test_a_second_import_shows_the_difference(typed: Typed, trading_dsn: Dsn) -> None:
    typed(UNI)
    assert "0 of 1 curves imported, 1 unchanged" in typed(UNI)

    output = typed(HEADING + "UNI,0,2.5\nUNI,0.5,9\nUNI,0.9,40\n")

    assert "~ 0.5 @ 8 → 9" in output
    assert "+ 0.9 @ 40" in output
    assert "- 1 @ 40" in output
    assert rows(trading_dsn) == [(TODAY, 0.0, 2.5), (TODAY, 0.5, 9.0), (TODAY, 0.9, 40.0)]


def test_a_later_curve_stands_beside_the_seeded_one(typed: Typed, trading_dsn: Dsn) -> None:
    day = TODAY + timedelta(days=1)
    document = f'[{{"symbol": "BTC-USDT", "risk": 0, "price": 31000, "valid_from": "{day}"}}, '
    document += f'{{"symbol": "BTC/USDT", "risk": 1, "price": 299720, "valid_from": "{day}"}}]'

    output = typed(document, name="anchors.json")

    assert "~ 0 @ 30000 → 31000" in output
    assert len(rows(trading_dsn, "BTC/USDT")) == 4 + 2


def test_an_unknown_symbol_changes_nothing(typed: Typed, trading_dsn: Dsn) -> None:
    with pytest.raises(AnchorsInvalid, match="no instrument is called NOPE/USDT"):
        typed(UNI + "NOPE,0,1\nNOPE,1,2\n")

    assert rows(trading_dsn) == []


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("", "lacks symbol, risk, price"),
        ("symbol,price\nUNI,3\n", "the heading lacks risk"),
        (HEADING, "holds 0 anchors"),
        (HEADING + "UNI,zero,3\n", "line 2: risk must be a number, not zero"),
        (HEADING + "UNI,0,\n", "line 2: price must be a number"),
        (HEADING + "UNI-PERP,0,3\n", "line 2: .*derivative"),
        (HEADING + "UNI,0,3\n", "UNI/USDT: a curve has 2 to 41 anchors"),
        (HEADING + "UNI,0,3\nUNI,1,2\n", "grow together"),
        (HEADING + "UNI,0,3\nUNI,1.5,4\n", "between 0 and 1"),
        (HEADING + "UNI,0,nan\nUNI,1,4\n", "positive number"),
        ("symbol,risk,price,valid_from\nUNI,0,3,2020-01-01\n", "must be .* or later"),
        ("symbol,risk,price,valid_from\nUNI,0,3,soon\n", "a day like"),
    ],
)
def test_what_a_file_may_not_say(text: str, rule: str) -> None:
    with pytest.raises(AnchorsInvalid, match=rule):
        curves_in(text, is_json=False, today=TODAY)


@pytest.mark.parametrize(
    ("text", "rule"),
    [("{", "not JSON"), ("{}", "a list"), ("[1]", "item 1: must be"), ('[{"risk": 1}]', "item 1 lacks")],
)
def test_what_json_may_not_say(text: str, rule: str) -> None:
    with pytest.raises(AnchorsInvalid, match=rule):
        curves_in(text, is_json=True, today=TODAY)


def test_anchors_may_come_in_any_order() -> None:
    [(symbol, curve)] = curves_in(HEADING + "UNI,1,40\nUNI,0,2\n", is_json=False, today=TODAY).items()

    assert symbol == Symbol.parse("UNI")
    assert [anchor.price for anchor in curve.anchors] == [2.0, 40.0]
