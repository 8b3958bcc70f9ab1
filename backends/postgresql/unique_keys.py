"""Unique keys on PostgreSQL, see `keys.py`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any
from uuid import UUID

import asyncpg

from asyncqueue.backends.common.connection import SharedConnection
from asyncqueue.backends.common.edges import as_columns, edges_of
from asyncqueue.backends.common.table import Table
from asyncqueue.backends.common.unique_keys import WHAT, Decision, Holder, Noted, asked, decide, wanted
from asyncqueue.backends.postgresql.savepoint import savepoint
from asyncqueue.backends.postgresql.transaction import transaction
from asyncqueue.errors import DatabaseBusy
from asyncqueue.model import NewTask

if TYPE_CHECKING:
    AsyncpgConnection = asyncpg.Connection[asyncpg.Record]


class Keys:
    """Enqueues what has unique keys.

    Args:
        shared: the connection for it.
        beside: one that waits for no lock, for callers whose own transaction sees what was, and not what is.
        rows: what the statement `enqueue` takes for tasks.
        translate: as `SharedConnection.run` takes it.
    """

    def __init__(
        self,
        table: Table,
        shared: SharedConnection[AsyncpgConnection],
        beside: SharedConnection[AsyncpgConnection],
        rows: Callable[[Sequence[NewTask]], dict[str, Any]],
        translate: Callable[[BaseException], Exception | None],
    ) -> None:
        self._table = table
        self._shared = shared
        self._beside = beside
        self._rows = rows
        self._translate = translate

    async def enqueue(self, tasks: Sequence[NewTask]) -> list[UUID]:
        """As `Backend.enqueue_unique`, committed on return."""
        self._table.require_migrated(WHAT)
        self._table.check(tasks)

        async def work(connection: AsyncpgConnection) -> list[UUID]:
            # At a higher level of isolation holders would be seen as they were before the lock.
            begun = transaction(connection, self._table)
            return await self._transaction(connection, begun, tasks, self._holders)

        return await self._shared.run(work, translate=self._translate)

    async def enqueue_within(self, connection: AsyncpgConnection, tasks: Sequence[NewTask]) -> list[UUID]:
        """The same as a part of the caller's transaction, which goes on if this fails.

        Raises DatabaseBusy where that sees an older state (REPEATABLE READ, SERIALIZABLE), and somebody has enqueued
        with one of the keys since.
        """
        self._table.require_migrated(WHAT)
        self._table.check(tasks)
        try:
            return await self._transaction(connection, savepoint(connection), tasks, self._holders_within)
        except asyncpg.SerializationError as error:
            raise DatabaseBusy(
                "another session has enqueued with the unique key, or deleted the task that held it, since the "
                "caller's transaction began, which does not see that (REPEATABLE READ or SERIALIZABLE): roll it back "
                f"and do all of it again, or use READ COMMITTED: {error}"
            ) from error

    async def _transaction(
        self,
        connection: AsyncpgConnection,
        transaction: AbstractAsyncContextManager[Any],
        tasks: Sequence[NewTask],
        read_holders: Callable[[AsyncpgConnection, Collection[UUID]], Awaitable[dict[UUID, Holder]]],
    ) -> list[UUID]:
        async with transaction:
            held = await self._fetch(connection, "hold_keys", _arrays(wanted(tasks)))
            noted = [Noted(key, _uuid(task_id), held_for) for key, task_id, held_for in held]
            ids = asked(tasks, noted)
            made = decide(tasks, noted, await read_holders(connection, ids) if ids else {})
            await self._write(connection, made)
        return made.ids

    async def _holders(
        self, connection: AsyncpgConnection, ids: Collection[UUID], name: str = "holders"
    ) -> dict[UUID, Holder]:
        rows = await self._fetch(connection, name, {"ids": list(ids)})
        return {_uuid(key): Holder(*state) for key, *state in rows}

    async def _holders_within(self, connection: AsyncpgConnection, ids: Collection[UUID]) -> dict[UUID, Holder]:
        """As they are now, without a lock on them: a worker that ends one must not wait for the caller's commit."""
        seen = await self._holders(connection, ids)
        if not seen or (await self._fetch(connection, "reads_latest", {}))[0][0]:
            return seen
        now = await self._beside.run(lambda beside: self._holders(beside, seen), translate=self._translate)
        own = seen.keys() - now.keys()
        return {**now, **(await self._holders(connection, own, "holders_now") if own else {})}

    async def _write(self, connection: AsyncpgConnection, made: Decision) -> None:
        if made.taken:
            await self._fetch(connection, "take_keys", _arrays(made.taken))
        for task_id, task in made.replacing.items():
            rows = self._rows([task])
            one = {name: rows[plural][0] for name, plural in _ONE.items()}
            unique = {"unique_key": task.unique.key, "held_for": task.unique.held_for} if task.unique else {}
            await self._fetch(connection, "replace", {**one, **unique, "id": task_id, "channel": rows["channel"]})
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


def _uuid(key: object) -> UUID:
    """An id, whatever the caller's connection makes of its type."""
    return key if isinstance(key, UUID) else UUID(str(key))


def _arrays(noted: Sequence[Noted]) -> dict[str, Any]:
    columns = zip(*noted, strict=True) if noted else ((), (), ())
    return dict(zip(("unique_keys", "ids", "held_fors"), columns, strict=True))
