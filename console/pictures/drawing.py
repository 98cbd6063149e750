"""What every picture is made of: a sheet of SVG with named colours, lines, shapes and words. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from html import escape

# Each class of mark has a colour in daylight and one at night.
STYLE = """
  svg { --paper: #ffffff; --ink: #1d2733; --quiet: #6b7785; --grid: #e4e8ed; --accent: #2f6fde; --good: #1d8f5f; --bad: #c8453b; --warm: #c77d0a }
  @media (prefers-color-scheme: dark) {
    svg { --paper: #12171d; --ink: #e6ebf1; --quiet: #94a1b0; --grid: #27303a; --accent: #74a5ff; --good: #4cc38f; --bad: #ff7d72; --warm: #f0b357 }
  }
  .paper { fill: var(--paper) }
  text { fill: var(--ink); font: 12px system-ui, -apple-system, "Segoe UI", sans-serif; font-variant-numeric: tabular-nums }
  .title { font-size: 15px; font-weight: 600 }
  .quiet { fill: var(--quiet) }
  .small { font-size: 11px }
  .grid { stroke: var(--grid); stroke-width: 1 }
  .ink { stroke: var(--ink); fill: none }
  .faint { stroke: var(--quiet); fill: none; stroke-dasharray: 4 4 }
  .accent { stroke: var(--accent); fill: none }
  .good { stroke: var(--good); fill: none }
  .bad { stroke: var(--bad); fill: none }
  .warm { stroke: var(--warm); fill: none }
  .fill-accent { fill: var(--accent) } .fill-good { fill: var(--good) } .fill-bad { fill: var(--bad) }
  .fill-warm { fill: var(--warm) } .fill-quiet { fill: var(--quiet) } .fill-grid { fill: var(--grid) }
"""


@dataclass(frozen=True, slots=True)
class Scale:
    """From values to places on the sheet, straight."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        span = (self.high - self.low) or 1.0
        return self.start + (value - self.low) / span * (self.end - self.start)


@dataclass
class Sheet:
    """A drawing that grows mark by mark. Places are pixels from the top left."""

    width: int
    height: int
    title: str
    description: str
    marks: list[str] = field(default_factory=list)

    def line(self, x1: float, y1: float, x2: float, y2: float, kind: str, *, width: float = 1.0) -> None:
        self.marks.append(
            f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke-width="{width:g}"/>'
        )

    def path(self, points: Iterable[tuple[float, float]], kind: str, *, width: float = 1.5) -> None:
        placed = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        self.marks.append(
            f'<polyline class="{kind}" points="{placed}" stroke-width="{width:g}" stroke-linejoin="round"/>'
        )

    def box(
        self,
        x: float,
        y: float,
        width: float,
        height: float,
        kind: str,
        *,
        opacity: float = 1.0,
        round_by: float = 0,
    ) -> None:
        self.marks.append(
            f'<rect class="{kind}" x="{x:.1f}" y="{y:.1f}" width="{max(width, 0.0):.1f}" height="{max(height, 0.0):.1f}"'
            f' rx="{round_by:g}" opacity="{opacity:g}"/>'
        )

    def dot(self, x: float, y: float, radius: float, kind: str, note: str = "") -> None:
        told = f"<title>{escape(note)}</title>" if note else ""
        self.marks.append(
            f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}">{told}</circle>'
        )

    def text(self, x: float, y: float, words: str, kind: str = "", *, anchor: str = "start") -> None:
        self.marks.append(
            f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>'
        )

    def svg(self) -> str:
        body = "\n".join(self.marks)
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width} {self.height}" width="{self.width}"'
            f' height="{self.height}" role="img" aria-labelledby="title description">\n'
            f'<title id="title">{escape(self.title)}</title>\n'
            f'<desc id="description">{escape(self.description)}</desc>\n'
            f"<style>{STYLE}</style>\n"
            f'<rect class="paper" width="{self.width}" height="{self.height}" rx="8"/>\n{body}\n</svg>\n'
        )


def page(title: str, drawings: Sequence[str]) -> str:
    """The drawings as one HTML page that needs nothing else."""
    body = "\n".join(f"<figure>{drawing}</figure>" for drawing in drawings)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{escape(title)}</title>\n"
        "<style>body { font: 16px system-ui, sans-serif; margin: 2rem auto; max-width: 46rem; padding: 0 1rem }"
        " figure { margin: 0 0 2rem } svg { max-width: 100%; height: auto }</style>\n"
        f"</head>\n<body>\n<h1>{escape(title)}</h1>\n{body}\n</body>\n</html>\n"
    )
