"""Entries as a CSV file that a spreadsheet opens without running anything in it. Pure."""

import csv
import io
from collections.abc import Sequence
from datetime import datetime

from orchestrator_api.credits.rows import EntryAnswer

# A cell that begins so is a formula to spreadsheets.
FORMULA_BEGINS = ("=", "+", "-", "@", "\t", "\r", "\n")


def csv_header() -> str:
    return _lines([list(EntryAnswer.model_fields)])


def csv_rows(entries: Sequence[EntryAnswer]) -> str:
    return _lines([[_cell(value) for _, value in entry] for entry in entries])


def _cell(value: object) -> object:
    # Only text is somebody's words; a negative amount is a number and stays one.
    if isinstance(value, str) and value.startswith(FORMULA_BEGINS):
        return f"'{value}"
    return value.isoformat() if isinstance(value, datetime) else value


def _lines(rows: Sequence[Sequence[object]]) -> str:
    written = io.StringIO()
    csv.writer(written).writerows(rows)
    return written.getvalue()
