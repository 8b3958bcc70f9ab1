"""Periodic tasks in a migrated MySQL or MariaDB table."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from asyncqueue.backends.common.table import Table
from asyncqueue.backends.mysql.connection import Call, MysqlConnection
from asyncqueue.backends.mysql.rows import encode, new_rows
from asyncqueue.backends.mysql.times import Times
from asyncqueue.backends.mysql.transactions import transaction
from asyncqueue.model import Declaration, NewTask, Tick, TickTable

Run = Callable[[Callable[[MysqlConnection], Awaitable[Any]]], Awaitable[Any]]


class MysqlPeriodic:
    """The verbs of `Periodic`.

    Args:
        run: does work on a connection.
    """

    def __init__(self, table: Table, times: Times, run: Run) -> None:
        self._table = table
        self._times = times
        self._run = run

    async def declare(self, entries: Sequence[Declaration], *, expiry: float | None = None) -> TickTable:
        self._table.require_migrated("a periodic task")
        # Each is a transaction of its own, so two workers never wait for each other.
        calls = [self._call("declare_ticks", **entry._asdict()) for entry in sorted(entries)]
        if expiry is not None:
            calls.append(self._call("expire_ticks", expiry=expiry))
        return await self._table_after(*calls)

    async def read(self) -> TickTable:
        self._table.require_migrated("a list of periodic tasks")
        return await self._table_after()

    async def tick(self, name: str, at: datetime, task: NewTask) -> bool:
        self._table.require_migrated("a periodic task")
        moving = self._call("tick", name=name, at=at.astimezone(UTC).replace(tzinfo=None), id=task.id.hex)
        rows = encode(new_rows([task], migrated=True))
        adding = self._call("enqueue", rows=rows, utc_offset=self._times.offset())

        async def work(connection: MysqlConnection) -> bool:
            async with transaction(connection, self._table) as ticking:
                (moved,) = await ticking.run(moving)
                await ticking.end(*([adding] if moved.matched else []))
                return bool(moved.matched)

        done: bool = await self._run(work)
        return done

    async def _table_after(self, *calls: Call) -> TickTable:
        *_, reply = await self._run(lambda connection: connection.run(*calls, self._call("ticks")))
        entries = {row[1]: _tick(*row[1:]) for row in reply.rows if row[1] is not None}
        return TickTable(reply.rows[0][0].replace(tzinfo=UTC), entries)

    def _call(self, name: str, /, **values: Any) -> Call:
        return self._table[name], values


def _tick(
    name: str, task: str, cron: str, timezone: str, last: datetime, last_task: str | None, declared: datetime
) -> Tick:
    return Tick(
        Declaration(name, task, cron, timezone),
        last.replace(tzinfo=UTC),
        None if last_task is None else UUID(last_task),
        declared.replace(tzinfo=UTC),
    )
