"""Tasks that wait for others in a PostgreSQL table."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any

import asyncpg

from asyncqueue.backends.common.dependencies import Ask, Asking, Chaining, Row
from asyncqueue.backends.common.scripts import answer
from asyncqueue.backends.common.table import Table
from asyncqueue.backends.postgresql.transaction import transaction
from asyncqueue.backends.services import Settled

if TYPE_CHECKING:
    AsyncpgConnection = asyncpg.Connection[asyncpg.Record]
    Run = Callable[[Callable[[AsyncpgConnection], Awaitable[Any]]], Awaitable[Any]]


class PostgresqlDependencies(Chaining):
    """`facets.Chains`.

    Args:
        run: does work that reads, on a connection.
        alone: does work that may wait for the locks of others, on a connection that nothing else waits for.
        forget: makes the next claim look at everything.
    """

    def __init__(self, table: Table, run: Run, alone: Run, forget: Callable[[], None]) -> None:
        super().__init__(table, forget)
        self._run = run
        self._alone = alone

    async def _transaction(self, asking: Callable[[], Asking]) -> Settled:
        async def work(connection: AsyncpgConnection) -> Settled:
            # At a higher level of isolation edges would be seen as they were before the lock.
            async with transaction(connection, self._table):
                return await answer(asking(), lambda asked: self._fetch(connection, asked.name, self._values(asked)))

        settled: Settled = await self._alone(work)
        return settled

    async def _read(self, name: str, **values: Any) -> Sequence[Row]:
        rows: Sequence[Row] = await self._run(lambda connection: self._fetch(connection, name, values))
        return rows

    async def _fetch(self, connection: AsyncpgConnection, name: str, values: dict[str, Any]) -> Sequence[Row]:
        statement = self._table[name]
        return [tuple(row) for row in await connection.fetch(statement.text, *statement.values(values))]

    def _values(self, asked: Ask) -> dict[str, Any]:
        columns = {f"{name}s": [row[name] for row in asked.rows] for name in (asked.rows[0] if asked.rows else ())}
        return {"ids": asked.ids, "channel": self._table.names.channel, **columns}
