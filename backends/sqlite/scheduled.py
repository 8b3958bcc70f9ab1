"""What is scheduled in a SQLite table, and time that passes for it."""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from asyncqueue.backends.common.table import Table
from asyncqueue.backends.sqlite.connection import Work
from asyncqueue.backends.sqlite.times import Times

#: Rows of `next_due` that are read where the first of them may have no time.
NEXT_AT_ONCE = 1000


class SqliteScheduled:
    """`services.Scheduled`.

    Args:
        read: does work in the thread of the connection that reads.
        write: does work in a transaction, and wakes workers.
    """

    def __init__(
        self,
        table: Table,
        times: Times,
        read: Callable[[Work[Any]], Awaitable[Any]],
        write: Callable[[Work[Any]], Awaitable[Any]],
    ) -> None:
        self._table = table
        self._times = times
        self._read = read
        self._write = write

    async def until_due(self) -> float | None:
        if not self._table.migrated:
            return None
        sql = self._table["next_due"].text
        rows = await self._read(lambda raw: raw.execute(sql, {"limit": NEXT_AT_ONCE}).fetchall())
        return next((self._times.until_utc(run_after) for _, run_after in rows if self._times.is_utc(run_after)), None)

    async def advance(self, microseconds: int) -> None:
        self._table.require_migrated("bringing scheduled tasks forward")
        step = timedelta(microseconds=microseconds)
        scheduled, advance = self._table["scheduled"].text, self._table["advance"].text

        def work(raw: sqlite3.Connection) -> None:
            for rowid, run_after in raw.execute(scheduled).fetchall():
                if not self._times.is_utc(run_after):
                    continue  # the next claim fails it
                earlier = self._times.utc(self._times.parse_utc(run_after) - step)
                raw.execute(advance, {"rowid": rowid, "run_after": earlier})

        await self._write(work)
