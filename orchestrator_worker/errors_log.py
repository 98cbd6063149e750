"""The worker's side of `recent_errors`: what an operator sees first. Bounded, and never the reason for another failure."""

import structlog

from zmarty import sql
from zmarty.postgres import TROUBLE, Pool

log = structlog.get_logger(__name__)

MESSAGE_LENGTH_MAX = 1_000

_SQL = sql.load(__package__)


async def record(
    pool: Pool, *, code: str, message: str, queue: str | None = None, msg_id: int | None = None
) -> None:
    """Remember an error of the worker for the admin page."""
    try:
        await pool.execute(_SQL["record_error"], code, message[:MESSAGE_LENGTH_MAX], queue, msg_id)
    except TROUBLE as error:
        log.warning("error_not_recorded", code=code, error=type(error).__name__)
