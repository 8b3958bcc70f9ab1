"""Limits in a PostgreSQL database, see `limits.py`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from asyncqueue.backends.common.limits.admission import Ask, Asking, LimitsOf, Rows
from asyncqueue.backends.common.scripts import answer
from asyncqueue.backends.common.table import Table
from asyncqueue.backends.postgresql.transaction import transaction

if TYPE_CHECKING:
    import asyncpg

    AsyncpgConnection = asyncpg.Connection[asyncpg.Record]
    Run = Callable[[Callable[[AsyncpgConnection], Awaitable[Any]]], Awaitable[Any]]

# What of a row's values a statement takes as an array of all rows.
_ARRAYS = {
    "counts": "count",
    "errors": "error",
    "ids": "id",
    "limit_keys": "limit_key",
    "names": "name",
    "positions": "position",
    "starts": "start",
    "states": "state",
    "task_ids": "task_id",
    "tokens": "token",
}


class PostgresqlLimits(LimitsOf):
    """The verbs of `Limits`.

    Args:
        run: does work on a connection.
    """

    def __init__(self, table: Table, run: Run) -> None:
        super().__init__(table)
        self._run = run

    async def _in_transaction(self, make: Callable[[], Asking]) -> Any:
        async def work(connection: AsyncpgConnection) -> Any:
            # What was committed while it waited for a lock counts.
            async with transaction(connection, self._table):
                return await answer(make(), partial(self._ask, connection))

        return await self._run(work)

    async def _alone(self, ask: Ask) -> Rows:
        rows: Rows = await self._run(lambda connection: self._ask(connection, ask))
        return rows

    async def _ask(self, connection: AsyncpgConnection, ask: Ask) -> Rows:
        if not ask.rows:
            return []
        statement = self._table[ask.name]
        arrays = {name: [row[_ARRAYS[name]] for row in ask.rows] for name in statement.params if name in _ARRAYS}
        if arrays:
            values = {**ask.rows[0], **arrays, "channel": self._table.names.channel}
            return await connection.fetch(statement.text, *statement.values(values))
        found: list[asyncpg.Record] = []
        for row in ask.rows:
            found += await connection.fetch(statement.text, *statement.values(row))
        return found
