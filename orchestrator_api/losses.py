"""How a database shows that it is away, full, starting, ending or too slow."""

import asyncpg

DATABASE_LOSSES: tuple[type[Exception], ...] = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.TooManyConnectionsError,
    asyncpg.OperatorInterventionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)
# After one of these it is worth to try again. A commit may be lost on its way back: none of them says whether it happened.
PASSING_LOSSES: tuple[type[Exception], ...] = (*DATABASE_LOSSES, asyncpg.TransactionRollbackError)
