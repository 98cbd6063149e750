"""How a database shows that it is away. A commit may be lost on its way back, so none of these says whether it happened."""

import asyncpg

DATABASE_LOSSES = (
    OSError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.TooManyConnectionsError,
    asyncpg.OperatorInterventionError,
    asyncpg.TransactionRollbackError,
)
