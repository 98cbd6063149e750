"""The answer without a model: the facts themselves, labelled as what they are. Pure."""

from collections.abc import Sequence
from datetime import datetime

from orchestrator_api.chat.facts import moment
from orchestrator_api.chat.languages import ENGLISH, disclaimer_in

LABEL = "data-brief"


def data_brief(lines: Sequence[str], *, now: datetime, language: str = ENGLISH) -> str:
    """The facts as an answer that nobody can mistake for a model's."""
    head = f"**Data brief** ({moment(now)}): no language model was available, so here is what is stored, unread by any."
    body = "\n".join(lines) if lines else "Nothing is stored yet for these symbols."
    return f"{head}\n\n{body}\n\n{disclaimer_in(language)}"
