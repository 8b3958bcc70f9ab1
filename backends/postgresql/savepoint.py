"""Several statements within a transaction of the caller's: all of them or none, and that transaction goes on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import asyncpg

if TYPE_CHECKING:
    AsyncpgConnection = asyncpg.Connection[asyncpg.Record]


@asynccontextmanager
async def savepoint(connection: AsyncpgConnection) -> AsyncIterator[None]:
    """Undo what was done inside if it raises.

    asyncpg's own nested transaction refuses a transaction that the caller has begun with the statement BEGIN.
    """
    await connection.execute("SAVEPOINT asyncqueue")
    try:
        yield
    except BaseException:
        if not connection.is_closed():
            await connection.execute("ROLLBACK TO SAVEPOINT asyncqueue; RELEASE SAVEPOINT asyncqueue")
        raise
    await connection.execute("RELEASE SAVEPOINT asyncqueue")
