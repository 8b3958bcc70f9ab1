"""Periodic tasks in a migrated SQLite table."""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from asyncqueue.backends.common.table import Table
from asyncqueue.backends.sqlite.connection import Work
from asyncqueue.backends.sqlite.rows import new_rows
from asyncqueue.backends.sqlite.times import Times
from asyncqueue.model import Declaration, NewTask, Tick, TickTable

Run = Callable[[Work[Any]], Awaitable[Any]]


class SqlitePeriodic:
    """The verbs of `Periodic`.

    Args:
        read: does work on the connection that reads.
        write: does work in a transaction.
    """

    def __init__(self, table: Table, times: Times, *, read: Run, write: Run) -> None:
        self._table = table
        self._times = times
        self._reading = read
        self._writing = write

    async def declare(self, entries: Sequence[Declaration], *, expiry: float | None = None) -> TickTable:
        self._table.require_migrated("a periodic task")
        declare, expire = self._table["declare_ticks"].text, self._table["expire_ticks"].text

        def work(raw: sqlite3.Connection) -> TickTable:
            ahead = self._times.now_utc
            clock = {"now_utc": ahead(), "just_now": ahead(-2.0), "soon": ahead(3600.0)}
            raw.executemany(declare, [{**entry._asdict(), **clock} for entry in entries])
            if expiry is not None:
                raw.execute(expire, {"cutoff_utc": ahead(-expiry)})
            return self._read(raw)

        found: TickTable = await self._writing(work)
        return found

    async def read(self) -> TickTable:
        self._table.require_migrated("a list of periodic tasks")
        found: TickTable = await self._reading(self._read)
        return found

    async def tick(self, name: str, at: datetime, task: NewTask) -> bool:
        self._table.require_migrated("a periodic task")
        move, add = self._table["tick"].text, self._table["enqueue"].text

        def work(raw: sqlite3.Connection) -> bool:
            if not raw.execute(move, {"name": name, "at": self._times.utc(at), "id": task.id.hex}).rowcount:
                return False
            raw.executemany(add, new_rows([task], self._times, plain=False))
            return True

        done: bool = await self._writing(work)
        return done

    def _read(self, raw: sqlite3.Connection) -> TickTable:
        utc = self._times.parse_utc
        now = utc(self._times.now_utc())
        entries = {
            row[0]: Tick(Declaration(*row[:4]), utc(row[4]), UUID(row[5]) if row[5] else None, utc(row[6]))
            for row in raw.execute(self._table["ticks"].text)
        }
        return TickTable(now, entries)
