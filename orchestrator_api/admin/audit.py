"""Who did what from the operators' page: every action leaves its intent and its result in the chat database."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import structlog

from orchestrator_api.admin import store
from orchestrator_api.admin.actor import Actor
from zmarty.postgres import TROUBLE, Pool

log = structlog.get_logger(__name__)


@asynccontextmanager
async def audited(
    chat: Pool, actor: Actor, action: str, entity: str, asked: dict[str, Any]
) -> AsyncIterator[dict[str, Any]]:
    """Write down what is about to happen, let it happen, then write down what the body put into the yielded dict.

    No transaction spans two databases. Without the intent nothing is done; an intent without a result says that the
    action may have happened, and what to look at.
    """
    intent = await store.save_intent(chat, actor, f"{action}_requested", entity, asked)
    result: dict[str, Any] = {}
    ending = "failed"
    try:
        yield result
        ending = "done"
    finally:
        try:
            await store.save_result(chat, intent, f"{action}_{ending}", result)
        # The action stands whatever we fail to write about it; answering an error would say the opposite.
        except TROUBLE as error:
            log.error(
                "audit_result_lost", intent=intent, action=action, ending=ending, error=type(error).__name__
            )
