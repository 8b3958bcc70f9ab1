"""What one worker of all does for the others, in a MySQL or MariaDB database."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from asyncqueue.backends.common.table import Table
from asyncqueue.backends.mysql.connection import MysqlConnection, Reply

Result = TypeVar("Result")
#: Does work on a connection.
Run = Callable[[Callable[[MysqlConnection], Awaitable[Result]]], Awaitable[Result]]


class MysqlMaintenance:
    """See `asyncqueue.backends.services.Chores`.

    Args:
        run: does work with a connection.
    """

    def __init__(self, table: Table, run: Run[Reply]) -> None:
        self._table = table
        self._run = run

    async def take(self, name: str, every: float) -> bool:
        # An upsert would not tell: a row that was inserted and one that was left alone both count as one.
        if (await self._one("take_duty", name, every=every)).matched:
            return True
        return bool((await self._one("create_duty", name, every=every)).matched)

    async def extend(self, name: str, every: float, *, resume_from: str | None = None) -> None:
        await self._one("extend_duty", name, every=every, resume_from=resume_from)

    async def resume_from(self, name: str) -> str | None:
        rows = (await self._one("maintenance_cursor", name)).rows
        return rows[0][0] if rows else None

    async def _one(self, statement: str, name: str, **values: Any) -> Reply:
        self._table.require_migrated(f"the chore {name}")
        call = self._table[statement], {"name": name, **values}

        async def work(connection: MysqlConnection) -> Reply:
            (reply,) = await connection.run(call)
            return reply

        return await self._run(work)
