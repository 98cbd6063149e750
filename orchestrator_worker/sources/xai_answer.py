"""What a model answered about the mood around a coin: read strictly, refused when it is not what was asked for. Pure.

The model read posts that anybody may write. Its answer is data: a score, a count, a short text and links, and nothing
in it is followed or executed.
"""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from orchestrator_worker.sources import fields
from orchestrator_worker.sources.readings import Citation, Sentiment

NAME = "xai_search"
SUMMARY_LENGTH_MAX = 600
MENTIONS_MAX = 1_000_000
CITATIONS_MAX = 20
URL_LENGTH_MAX = 500
# xAI's unit of cost.
TICKS_A_DOLLAR = 10**10
SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "score": {"type": "number", "minimum": -1, "maximum": 1},
        "mentions": {"type": "integer", "minimum": 0, "maximum": MENTIONS_MAX},
        "summary": {"type": "string", "maxLength": SUMMARY_LENGTH_MAX},
    },
    "required": ["score", "mentions", "summary"],
    "additionalProperties": False,
}


def sentiment_from(answer: object, *, model: str, observed_at: datetime) -> Sentiment:
    """Read an answer of the Responses API. Raises ValueError: unfinished, another shape, nobody speaks, nothing cited."""
    if fields.field(answer, "status") != "completed":
        raise ValueError("the answer is not complete")
    texts = list(_texts(answer))
    if len(texts) != 1:
        raise ValueError(f"the answer has {len(texts)} texts, not one")
    said = _said(fields.field(texts[0], "text"))
    score, mentions = fields.number(said["score"], "score"), said["mentions"]
    if not -1 <= score <= 1:
        raise ValueError("score is outside −1 … 1")
    if isinstance(mentions, bool) or not isinstance(mentions, int) or not 0 <= mentions <= MENTIONS_MAX:
        raise ValueError("mentions is not a count")
    if mentions == 0:
        # Nobody's opinion is not a neutral one.
        raise ValueError("nobody speaks of it")
    citations = tuple(_citations(texts[0]))
    if not citations:
        raise ValueError("it cites nothing")
    return Sentiment(
        vendor=NAME,
        observed_at=observed_at,
        model=model,
        score=score,
        mentions=mentions,
        summary=_summary(said["summary"]),
        citations=citations[:CITATIONS_MAX],
    )


def dollars_of(answer: object) -> Decimal | None:
    """What the answer did cost by the vendor's own account; None when it does not say."""
    usage = answer.get("usage") if isinstance(answer, Mapping) else None
    ticks = usage.get("cost_in_usd_ticks") if isinstance(usage, Mapping) else None
    if isinstance(ticks, bool) or not isinstance(ticks, int) or not 0 <= ticks < 1_000 * TICKS_A_DOLLAR:
        return None
    return Decimal(ticks) / TICKS_A_DOLLAR


def _texts(answer: object) -> Iterator[Mapping[str, Any]]:
    """The texts of its message; searches and thoughts are parts of the output as well."""
    output = fields.field(answer, "output")
    for item in output if isinstance(output, list) else []:
        if isinstance(item, Mapping) and item.get("type") == "message":
            for part in item.get("content") or []:
                if isinstance(part, Mapping) and part.get("type") == "output_text":
                    yield part


def _said(text: object) -> dict[str, Any]:
    try:
        said = json.loads(text, parse_float=Decimal) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict) or set(said) != set(SCHEMA["required"]):
        raise ValueError("the text is not the JSON object that was asked for")
    return said


def _summary(text: object) -> str:
    if not isinstance(text, str) or not (words := " ".join(text.split())) or len(words) > SUMMARY_LENGTH_MAX:
        raise ValueError(f"summary is not a text of 1 to {SUMMARY_LENGTH_MAX} characters")
    return words


def _citations(text: Mapping[str, Any]) -> Iterator[Citation]:
    seen: set[str] = set()
    annotations = text.get("annotations")
    for note in annotations if isinstance(annotations, list) else []:
        url = note.get("url") if isinstance(note, Mapping) and note.get("type") == "url_citation" else None
        # A link that a browser would run instead of open is nobody's source.
        if not isinstance(url, str) or not url.startswith(("https://", "http://")) or url in seen:
            continue
        if len(url) <= URL_LENGTH_MAX and not any(character.isspace() for character in url):
            seen.add(url)
            yield Citation(url=url, title=_title(note.get("title"), url))


def _title(title: object, url: str) -> str:
    words = " ".join(title.split()) if isinstance(title, str) else ""
    return (words or url)[: fields.TEXT_LENGTH_MAX]
