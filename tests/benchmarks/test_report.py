"""What a run leaves behind: JSON in the agreed schema, and the same table on screen and in Markdown."""

import io
import json
from pathlib import Path

from rich.console import Console

from benchmarks import report
from benchmarks.figures import figure, ratio_at_least, value_at_most

FIGURES = [
    figure(
        "batches of 100",
        [61_000.0],
        "messages/s",
        machine="this machine",
        against="raw batches",
        against_values=[70_000.0],
        target=ratio_at_least(0.8),
    ),
    figure("p99", [9.5], "ms", machine="this machine", target=value_at_most(8, "ms")),
]


def test_json_has_the_agreed_schema(tmp_path: Path) -> None:
    file = report.save(tmp_path / "bench", "queue", FIGURES)

    rows = json.loads(file.read_text())
    assert file.name == "queue.json"
    assert [list(row) for row in rows] == [
        ["name", "value", "unit", "against", "against_value", "ratio", "target", "holds", "runs", "machine"]
    ] * 2
    assert (rows[0]["ratio"], rows[0]["target"], rows[0]["holds"], rows[0]["runs"]) == (
        0.8714,
        "≥ 0.80x",
        True,
        1,
    )


def test_what_was_saved_is_read_again(tmp_path: Path) -> None:
    report.save(tmp_path, "queue", FIGURES)

    figures, measured_at = report.load(tmp_path, "queue")

    assert figures == FIGURES
    assert measured_at.tzinfo is not None


def test_the_table_marks_what_holds_and_what_does_not() -> None:
    screen = io.StringIO()
    Console(file=screen, width=160).print(report.table_of("queue", FIGURES))

    held, missed = [line for line in screen.getvalue().splitlines() if "≥" in line or "≤" in line]
    assert "raw batches (70,000 messages/s)" in held
    assert "0.87x" in held
    assert "✓" in held
    assert "✗" in missed


def test_a_page_gets_the_newest_table_only(tmp_path: Path) -> None:
    page = tmp_path / "BENCHMARKS.md"
    page.write_text("# Benchmarks\n\nHow.\n\n## Figures\n")

    for table in ("| old |\n", "| new |\n"):
        report.publish(page, table)

    assert page.read_text() == "# Benchmarks\n\nHow.\n\n## Figures\n\n| new |\n"


def test_markdown_has_a_row_a_figure_and_a_line_a_machine(tmp_path: Path) -> None:
    report.save(tmp_path, "queue", FIGURES)

    lines = report.markdown({"queue": report.load(tmp_path, "queue")}).splitlines()

    assert lines[2] == (
        "| queue | batches of 100 | 61,000 messages/s | raw batches (70,000 messages/s) | 0.87x | ≥ 0.80x | ✓ |"
    )
    assert len([line for line in lines if line.startswith("| queue |")]) == len(FIGURES)
    assert lines[-1].startswith("- this machine (queue ")
