"""What one worker of all does for the others, in a SQLite database."""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable
from typing import Any

from asyncqueue.backends.common.table import Table
from asyncqueue.backends.sqlite.times import Times

Rows = list[tuple[Any, ...]]
#: Does work on a connection.
Run = Callable[[Callable[[sqlite3.Connection], Rows]], Awaitable[Rows]]

# How far ahead `due` can lie, in intervals and in seconds beside them.
_INTERVALS, _SLACK = 2, 60


class SqliteMaintenance:
    """See `asyncqueue.backends.services.Chores`.

    Args:
        read: does work that reads.
        write: does work in a transaction.
    """

    def __init__(self, table: Table, times: Times, read: Run, write: Run) -> None:
        self._table = table
        self._times = times
        self._read = read
        self._write = write

    async def take(self, name: str, every: float) -> bool:
        times = self._times

        def values() -> dict[str, Any]:  # when the lock is had
            ends = {"due": times.now_utc(every), "latest": times.now_utc(_INTERVALS * every + _SLACK)}
            return {"name": name, "now_utc": times.now_utc(), **ends}

        return bool(await self._one(self._write, "take_duty", name, values))

    async def extend(self, name: str, every: float, *, resume_from: str | None = None) -> None:
        values = {"name": name, "resume_from": resume_from}
        await self._one(self._write, "extend_duty", name, lambda: {**values, "due": self._times.now_utc(every)})

    async def resume_from(self, name: str) -> str | None:
        rows = await self._one(self._read, "maintenance_cursor", name, lambda: {"name": name})
        return rows[0][0] if rows else None

    async def _one(self, run: Run, statement: str, name: str, values: Callable[[], dict[str, Any]]) -> Rows:
        self._table.require_migrated(f"the chore {name}")
        sql = self._table[statement].text
        return await run(lambda raw: raw.execute(sql, values()).fetchall())
