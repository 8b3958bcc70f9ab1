"""Unique keys on PostgreSQL, see `keys.py`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import UUID

import asyncpg

from asyncqueue.backends import versions
from asyncqueue.backends.edges import as_columns, edges_of
from asyncqueue.backends.keys import WHAT, Decision, Holder, Noted, decide, others, wanted
from asyncqueue.backends.lane import Lane
from asyncqueue.backends.table import Table
from asyncqueue.model import NewTask

if TYPE_CHECKING:
    AsyncpgConnection = asyncpg.Connection[asyncpg.Record]


class Keys:
    """Enqueues what has unique keys.

    Args:
        lane: the connection for it.
        rows: what the statement `enqueue` takes for tasks.
        translate: as `Lane.run` takes it.
    """

    def __init__(
        self,
        table: Table,
        lane: Lane[AsyncpgConnection],
        rows: Callable[[Sequence[NewTask]], dict[str, Any]],
        translate: Callable[[BaseException], Exception | None],
    ) -> None:
        self._table = table
        self._lane = lane
        self._rows = rows
        self._translate = translate

    async def enqueue(self, tasks: Sequence[NewTask]) -> list[UUID]:
        """As `Backend.enqueue_unique`, committed on return."""
        self._table.require_migrated(WHAT, versions.ONCE)
        self._table.check(tasks)

        async def work(connection: AsyncpgConnection) -> list[UUID]:
            # Whatever the server's default is: at a higher level holders would be seen as they were before the lock.
            return await self._transaction(connection, connection.transaction(isolation="read_committed"), tasks)

        return await self._lane.run(work, translate=self._translate)

    async def enqueue_within(self, connection: AsyncpgConnection, tasks: Sequence[NewTask]) -> list[UUID]:
        """The same as a part of the caller's transaction, which goes on if this fails."""
        self._table.require_migrated(WHAT, versions.ONCE)
        self._table.check(tasks)
        return await self._transaction(connection, connection.transaction(), tasks)

    async def _transaction(
        self, connection: AsyncpgConnection, transaction: AbstractAsyncContextManager[Any], tasks: Sequence[NewTask]
    ) -> list[UUID]:
        fetch = partial(self._fetch, connection)
        async with transaction:
            noted = [Noted(*row) for row in await fetch("hold_keys", _arrays(wanted(tasks)))]
            found = await fetch("holders", {"ids": list(others(tasks, noted))})
            made = decide(tasks, noted, {key: Holder(*state) for key, *state in found})
            await self._write(connection, made)
        return made.ids

    async def _write(self, connection: AsyncpgConnection, made: Decision) -> None:
        if made.taken:
            await self._fetch(connection, "take_keys", _arrays(made.taken))
        for task_id, task in made.replacing.items():
            rows = self._rows([task])
            one = {name: rows[plural][0] for name, plural in _ONE.items()}
            await self._fetch(connection, "replace", {**one, "id": task_id, "channel": rows["channel"]})
        if made.new:
            await self._fetch(connection, "enqueue", self._rows(made.new))
        if edges := edges_of(made.new):
            await self._fetch(connection, "insert_edges", as_columns(edges))

    async def _fetch(self, connection: AsyncpgConnection, name: str, values: Mapping[str, Any]) -> list[asyncpg.Record]:
        statement = self._table[name]
        return await connection.fetch(statement.text, *statement.values(values))


#: What `replace` takes of one row of `enqueue`.
_ONE = {
    "task": "tasks",
    "args": "args",
    "queue": "queues",
    "priority": "priorities",
    "delay": "delays",
    "run_at": "run_ats",
    "max_attempts": "max_attempts",
    "links": "links",
    "limit_key": "limit_keys",
}


def _arrays(noted: Sequence[Noted]) -> dict[str, Any]:
    columns = zip(*noted, strict=True) if noted else ((), (), ())
    return dict(zip(("unique_keys", "ids", "held_fors"), columns, strict=True))
