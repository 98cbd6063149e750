"""The title of a conversation, from its first question. Pure."""

import re

TITLE_LENGTH_MAX = 80
ELLIPSIS = "…"


def title_of(text: str) -> str:
    """The question on one line, cut after a word."""
    # No title needs more of a question than this; what follows is not even looked at.
    line = " ".join(text[: 4 * TITLE_LENGTH_MAX].split())
    if len(line) <= TITLE_LENGTH_MAX:
        return line
    head = line[:TITLE_LENGTH_MAX]
    # In a script without spaces, or in one endless word, the cut is where it must be.
    whole = re.match(r"(.+)\s", head)
    return (whole.group(1) if whole else head[:-1]).rstrip(" ,;:.–-") + ELLIPSIS
