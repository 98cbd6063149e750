"""Copies settled analyses from A to B. No transaction spans both, so whoever looks repairs what is missing."""

from uuid import UUID

from orchestrator_api.analyses import store
from orchestrator_api.analyses.rows import AnalysisRow, conversation_of
from orchestrator_api.resources import Resources

# Of the newest settled answers; more than die between two transactions before somebody looks.
REPAIRED_MAX = 50


async def copy_analyses(
    resources: Resources, user_id: UUID, *, only: UUID | None = None
) -> list[AnalysisRow]:
    """Write to B what A has settled and B lacks, and return what A has. Safe to repeat, and in several places at once."""
    answers = await store.settled_analyses(
        resources.chat, user_id, conversation_of(user_id), only=only, limit=REPAIRED_MAX
    )
    rows = [row for answer in answers if (row := AnalysisRow.from_answer(answer)) is not None]
    known = await store.known_analyses(resources.trading, [row.id for row in rows])
    for row in rows:
        if row.id not in known:
            await store.save_analysis(resources.trading, user_id, row)
    return rows
