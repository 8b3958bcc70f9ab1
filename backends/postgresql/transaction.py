"""A transaction of several statements on a connection of ours."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from asyncqueue.backends.common.table import Table

if TYPE_CHECKING:
    import asyncpg

    AsyncpgConnection = asyncpg.Connection[asyncpg.Record]


@asynccontextmanager
async def transaction(connection: AsyncpgConnection, table: Table) -> AsyncIterator[None]:
    """Commit what was done inside, or undo it if it raises.

    Where it is cancelled, as by its deadline, the connection is dropped, and the server undoes it.

    It begins as `begin.sql` says, in one round trip, because the session may be one that a PgBouncer lends: there
    nothing is set for longer than a transaction.
    """
    begin = table.sql("begin") if table.shape is None else table["begin"].text
    await connection.execute(begin)
    try:
        yield
    except Exception:
        if not connection.is_closed():
            await connection.execute("ROLLBACK")
        raise
    await connection.execute("COMMIT")
