"""What of an answer is said aloud: its words, without the marks that only eyes read. Pure."""

import re

# About three minutes, and what keeps the price of one answer near its five credits.
SPOKEN_LENGTH_MAX = 2_500
ENDING = " The rest is in the text."

_BLOCK = re.compile(r"```.*?(?:```|\Z)", re.DOTALL)
_IMAGE = re.compile(r"!\[([^\]]*)\]\([^)]*\)")
_LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")
_ADDRESS = re.compile(r"https?://\S+")
_RULE = re.compile(r"^[ \t]*(?:[-*_][ \t]*){3,}$|^[ \t]*\|?[ \t:|-]*-{3,}[ \t:|-]*$", re.MULTILINE)
_HEAD = re.compile(r"^[ \t]*(?:#{1,6}[ \t]+|>[ \t]?|[-*+][ \t]+)", re.MULTILINE)
_MARK = re.compile(r"(\*\*|__|~~|`)")
_EMPHASIS = re.compile(r"(?<!\w)([*_])(?=\S)(.+?)(?<=\S)\1(?!\w)")
_TAG = re.compile(r"</?[A-Za-z][^<>]*>")
_SENTENCE_END = re.compile(r"[.!?。！？]\s")


def spoken_text(answer: str) -> str:
    """The answer as it is said, at most SPOKEN_LENGTH_MAX characters, ending with a sentence; empty when nothing is left to say."""
    text = _BLOCK.sub(" ", answer)
    text = _IMAGE.sub(r"\1", text)
    text = _LINK.sub(r"\1", text)
    text = _ADDRESS.sub("", text)
    text = _TAG.sub("", text)
    text = _RULE.sub("", text)
    text = _HEAD.sub("", text)
    text = _MARK.sub("", text)
    text = _EMPHASIS.sub(r"\2", text)
    text = text.replace("|", ", ")
    lines = (" ".join(line.split()).strip(", ") for line in text.splitlines())
    return _bounded("\n".join(line for line in lines if line))


def _bounded(text: str) -> str:
    if len(text) <= SPOKEN_LENGTH_MAX:
        return text
    room = SPOKEN_LENGTH_MAX - len(ENDING)
    ends = [found.start() + 1 for found in _SENTENCE_END.finditer(text, 0, room)]
    # Without a sentence that ends in time, a word does.
    cut = ends[-1] if ends else max(text.rfind(" ", 0, room), 1)
    return text[:cut].rstrip() + ENDING
