"""Reads a file of risk anchors and says what it would change: every fault with its line and rule. Pure."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from orchestrator_worker.risk.curve import Anchor, Curve, curve_of, curve_on
from zmarty.errors import ZmartyError
from zmarty.market import Symbol

ROWS_MAX = 5_000
FIELDS = ("symbol", "risk", "price")
FIELD_OPTIONAL = "valid_from"


class AnchorsInvalid(Exception):
    """The file cannot be imported; nothing was changed."""


@dataclass(frozen=True, slots=True)
class Change:
    """What importing does to one symbol: its new curve, and the one that would count on that day without it."""

    symbol: Symbol
    curve: Curve
    before: Curve | None

    @property
    def is_new(self) -> bool:
        return self.before is None or self.before.anchors != self.curve.anchors

    def lines(self) -> list[str]:
        """The difference, anchor by anchor."""
        old = {anchor.risk: anchor.price for anchor in self.before.anchors} if self.before else {}
        new = {anchor.risk: anchor.price for anchor in self.curve.anchors}
        told = []
        for risk in sorted(old.keys() | new.keys()):
            if risk not in new:
                told.append(f"- {risk:g} @ {old[risk]:g}")
            elif risk not in old:
                told.append(f"+ {risk:g} @ {new[risk]:g}")
            elif old[risk] != new[risk]:
                told.append(f"~ {risk:g} @ {old[risk]:g} → {new[risk]:g}")
        return told


def curves_in(text: str, *, is_json: bool, today: date) -> dict[Symbol, Curve]:
    """The curves of a file, one a symbol. Raises AnchorsInvalid naming the line and the rule.

    CSV has a heading with symbol, risk, price and perhaps valid_from; JSON is a list of objects with the same names. Without a
    valid_from a curve counts from today on; an earlier day is refused.
    """
    rows = _from_json(text) if is_json else _from_csv(text)
    if not 0 < len(rows) <= ROWS_MAX:
        raise AnchorsInvalid(f"the file holds {len(rows)} anchors; 1 to {ROWS_MAX} are taken")
    gathered: dict[Symbol, dict[date, list[Anchor]]] = {}
    for place, row in rows:
        symbol, valid_from, anchor = _row(place, row, today)
        gathered.setdefault(symbol, {}).setdefault(valid_from, []).append(anchor)
    return {symbol: _curve(symbol, days) for symbol, days in gathered.items()}


def changes_to(curves: Mapping[Symbol, Curve], known: Mapping[Symbol, Sequence[Curve]]) -> list[Change]:
    """What each curve changes, by symbol."""
    return [
        Change(symbol, curve, curve_on(curve.valid_from, known.get(symbol, ())))
        for symbol, curve in sorted(curves.items())
    ]


def _from_csv(text: str) -> list[tuple[str, Mapping[str, Any]]]:
    reader = csv.DictReader(io.StringIO(text), skipinitialspace=True)
    _require_fields("the heading", reader.fieldnames or ())
    try:
        return [(f"line {reader.line_num}", row) for row in reader]
    except csv.Error as error:
        raise AnchorsInvalid(f"line {reader.line_num}: {error}") from error


def _from_json(text: str) -> list[tuple[str, Mapping[str, Any]]]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise AnchorsInvalid(f"the file is not JSON: {error}") from error
    if not isinstance(document, list):
        raise AnchorsInvalid("the file must hold a list of anchors")
    rows: list[tuple[str, Mapping[str, Any]]] = []
    for place, row in enumerate(document, start=1):
        if not isinstance(row, dict):
            raise AnchorsInvalid(f"item {place}: must be an object")
        _require_fields(f"item {place}", row)
        rows.append((f"item {place}", row))
    return rows


def _require_fields(place: str, names: Iterable[str]) -> None:
    if missing := [field for field in FIELDS if field not in names]:
        raise AnchorsInvalid(f"{place} lacks {', '.join(missing)}")


def _row(place: str, row: Mapping[str, Any], today: date) -> tuple[Symbol, date, Anchor]:
    try:
        symbol = Symbol.parse(row["symbol"])
    except ZmartyError as error:
        raise AnchorsInvalid(f"{place}: {error.message}") from error
    day = row.get(FIELD_OPTIONAL) or today.isoformat()
    try:
        valid_from = date.fromisoformat(str(day))
    except ValueError as error:
        raise AnchorsInvalid(f"{place}: valid_from must be a day like 2026-11-26, not {day}") from error
    if valid_from < today:
        raise AnchorsInvalid(
            f"{place}: valid_from must be {today} or later; a curve that is drawn afterwards fits its past too well"
        )
    return symbol, valid_from, Anchor(_number(place, row, "risk"), _number(place, row, "price"))


def _number(place: str, row: Mapping[str, Any], field: str) -> float:
    given = row[field]
    try:
        if isinstance(given, bool):
            raise ValueError("a truth is no number")  # noqa: TRY004 — it is what the file says that is wrong
        return float(given)
    except (TypeError, ValueError) as error:
        raise AnchorsInvalid(f"{place}: {field} must be a number, not {given}") from error


def _curve(symbol: Symbol, days: Mapping[date, Sequence[Anchor]]) -> Curve:
    if len(days) > 1:
        raise AnchorsInvalid(f"{symbol}: one curve a file, but its anchors name {len(days)} days")
    [(valid_from, anchors)] = days.items()
    try:
        return curve_of(valid_from, anchors)
    except ValueError as error:
        raise AnchorsInvalid(f"{symbol}: {error}") from error
