"""Periodic tasks in a migrated PostgreSQL table."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import asyncpg

from asyncqueue.backends.common.table import Table
from asyncqueue.model import Declaration, NewTask, Tick, TickTable

if TYPE_CHECKING:
    AsyncpgConnection = asyncpg.Connection[asyncpg.Record]
    Run = Callable[[Callable[[AsyncpgConnection], Awaitable[Any]]], Awaitable[Any]]


class PostgresqlPeriodic:
    """The verbs of `Periodic`.

    Args:
        run: does work on a connection.
    """

    def __init__(self, table: Table, run: Run) -> None:
        self._table = table
        self._run = run

    async def declare(self, entries: Sequence[Declaration], *, expiry: float | None = None) -> TickTable:
        self._table.require_migrated("a periodic task")
        declare, expire, read = (self._table[name] for name in ("declare_ticks", "expire_ticks", "ticks"))
        rows = [declare.values(entry._asdict()) for entry in sorted(entries)]

        async def work(connection: AsyncpgConnection) -> TickTable:
            await connection.executemany(declare.text, rows)
            if expiry is not None:
                await connection.execute(expire.text, expiry)
            return _table_of(await connection.fetch(read.text))

        found: TickTable = await self._run(work)
        return found

    async def read(self) -> TickTable:
        self._table.require_migrated("a list of periodic tasks")
        text = self._table["ticks"].text
        return _table_of(await self._run(lambda connection: connection.fetch(text)))

    async def tick(self, name: str, at: datetime, task: NewTask) -> bool:
        self._table.require_migrated("a periodic task")
        statement = self._table["tick"]
        values = statement.values({**task._asdict(), "name": name, "at": at, "channel": self._table.names.channel})
        return bool(await self._run(lambda connection: connection.fetchval(statement.text, *values)))


def _table_of(rows: Sequence[Any]) -> TickTable:
    return TickTable(rows[0][0], {row[1]: Tick(Declaration(*row[1:5]), *row[5:]) for row in rows if row[1] is not None})
