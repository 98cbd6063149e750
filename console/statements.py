"""Splits SQL text into its statements the way the Supabase CLI records them. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

# Whatever may hide a semicolon, and the words that open and close a function body of standard SQL.
TOKEN = re.compile(
    r"""
      (?P<comment>--[^\n]*)
    | (?P<block>/\*)
    | (?P<escape>\b[eE]'(?:[^'\\]|\\.|'')*')
    | (?P<string>'(?:[^']|'')*')
    | (?P<identifier>"(?:[^"]|"")*")
    | (?P<dollar>(?<![\w$])\$(?:[A-Za-z_\x80-\uffff][\w\x80-\uffff]*)?\$)
    | (?P<atomic>\bbegin\s+atomic\b)
    | (?P<case>\bcase\b)
    | (?P<end>\bend\b)
    | (?P<semicolon>;)
    """,
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)
BLOCK_EDGE = re.compile(r"/\*|\*/")


def split_statements(text: str) -> Iterator[str]:
    """Yield each statement without its semicolon; a comment belongs to the statement that follows it."""
    start = position = 0
    open_bodies = open_cases = 0
    while match := TOKEN.search(text, position):
        position = match.end()
        kind = match.lastgroup
        if kind == "block":
            position = end_of_block(text, match.start())
        elif kind == "dollar":
            position = end_of_quote(text, match.group(), position)
        elif kind == "atomic":
            open_bodies += 1
        elif kind == "case" and open_bodies:
            open_cases += 1
        elif kind == "end" and open_cases:
            open_cases -= 1
        elif kind == "end" and open_bodies:
            open_bodies -= 1
        elif kind == "semicolon" and not open_bodies:
            if statement := text[start : match.start()].strip():
                yield statement
            start = position
    if statement := text[start:].strip():
        yield statement


def end_of_block(text: str, start: int) -> int:
    """Where a block comment ends; they nest."""
    depth = 0
    for edge in BLOCK_EDGE.finditer(text, start):
        depth += 1 if edge.group() == "/*" else -1
        if depth == 0:
            return edge.end()
    return len(text)


def end_of_quote(text: str, tag: str, start: int) -> int:
    end = text.find(tag, start)
    return len(text) if end < 0 else end + len(tag)
