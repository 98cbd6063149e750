"""Which questions of the reading plan are due, the most valuable first. Pure."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from orchestrator_worker.sources.plan import PLAN, Source, asks_for
from zmarty.market import Symbol, Timeframe


@dataclass(frozen=True, slots=True)
class Pair:
    """A symbol on a timeframe that somebody watches."""

    symbol: Symbol
    timeframe: Timeframe


@dataclass(frozen=True, slots=True)
class Question:
    """One source about one symbol, pair, or about the whole market; what it is not about is None."""

    source: Source
    symbol: Symbol | None = None
    timeframe: Timeframe | None = None

    @property
    def key(self) -> tuple[str, str, str]:
        """As it stands in `context_readings`, where what it is not about is empty."""
        return self.source.name, self.symbol or "", self.timeframe or ""


def question_about(source: Source, pair: Pair) -> Question:
    """The question that one pair has of a source."""
    match source.scope:
        case "market":
            return Question(source)
        case "symbol":
            return Question(source, pair.symbol)
        case "pair":
            return Question(source, pair.symbol, pair.timeframe)


def questions_of(watched: Collection[Pair]) -> list[Question]:
    """All questions that a tick has for the watched pairs, each once, in the plan's order of value."""
    found: dict[tuple[str, str, str], Question] = {}
    for source in PLAN:
        if source.asked_by != "tick":
            continue
        if source.scope == "market":
            question = Question(source)
            found[question.key] = question
            continue
        for pair in watched:
            if asks_for(source, pair.timeframe):
                question = question_about(source, pair)
                found.setdefault(question.key, question)
    return list(found.values())


def due(
    questions: Sequence[Question],
    due_at: Mapping[tuple[str, str, str], datetime],
    *,
    now: datetime,
    limit: int,
) -> list[Question]:
    """Those that were never asked or are due again, at most `limit`: by value, and of one source the longest due first."""
    never = datetime.min.replace(tzinfo=now.tzinfo)
    place = {source.name: at for at, source in enumerate(PLAN)}
    waiting = [question for question in questions if due_at.get(question.key, never) <= now]
    waiting.sort(key=lambda question: (place[question.source.name], due_at.get(question.key, never)))
    return waiting[:limit]
