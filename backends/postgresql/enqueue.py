"""How rows get into a PostgreSQL table: one by one, in batches, as a stream, in a transaction of the caller's."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import asyncpg

from asyncqueue.backends.common.callers_connection import SQLALCHEMY, closed, for_callers, no_transaction
from asyncqueue.backends.common.connection import SharedConnection, translated
from asyncqueue.backends.common.convert import numbered
from asyncqueue.backends.common.edges import NewEdge, as_columns, edges_of
from asyncqueue.backends.common.table import Table
from asyncqueue.backends.postgresql.notifier import Notifier
from asyncqueue.backends.postgresql.savepoint import savepoint
from asyncqueue.backends.postgresql.transaction import transaction
from asyncqueue.backends.postgresql.unique_keys import Keys
from asyncqueue.errors import ConfigurationError
from asyncqueue.model import ASIDE, Link, NewTask

if TYPE_CHECKING:
    AsyncpgConnection = asyncpg.Connection[asyncpg.Record]

# From so many rows on a COPY is worth its second round trip.
_COPY = 500
_NEW_COLUMNS = ("id", "created", "modified", "task", "args", "status")
_MORE_COLUMNS = ("queue", "priority", "run_after", "max_attempts", "links", "limit_key")
# What `enqueue` calls the columns of a batch of new rows; a unique key is none of them.
_ARRAYS = (
    *("ids", "tasks", "args", "queues", "priorities", "delays", "run_ats", "max_attempts", "uniques", "links"),
    *("limit_keys", "afters"),
)
_NOT_BY_COPY = (asyncpg.UniqueViolationError, asyncpg.FeatureNotSupportedError)


class Enqueueing:
    """Inserts new rows.

    Args:
        shared: the connection for that.
        beside: as `Keys` takes it.
        notifier: tells them of rows whose statement does not; None where nobody is notified.
        translate: as `SharedConnection.run` takes it.
    """

    def __init__(
        self,
        table: Table,
        shared: SharedConnection[AsyncpgConnection],
        beside: SharedConnection[AsyncpgConnection],
        notifier: Notifier | None,
        translate: Callable[[BaseException], Exception | None],
    ) -> None:
        self._table = table
        self._shared = shared
        self._notifier = notifier
        self._translate = translate
        self._translate_callers = for_callers(translate)
        self._keys = Keys(table, shared, beside, self._rows, translate)

    async def enqueue(self, tasks: Sequence[NewTask], connection: Any) -> None:
        """As `Backend.enqueue`."""
        if not tasks:
            return
        plain = self._table.check(tasks)
        if connection is None:
            await self._committed(tasks, plain=plain)
            return
        _check(connection)
        edges = [] if plain else edges_of(tasks)
        with translated(self._translate_callers):
            if edges:
                await self._linked(connection, savepoint(connection), tasks, edges)
            else:
                await self._fetch(connection, "enqueue", self._rows(tasks))

    async def enqueue_unique(self, tasks: Sequence[NewTask], connection: Any) -> list[UUID]:
        """As `Backend.enqueue_unique`."""
        if connection is None:
            return await self._keys.enqueue(tasks)
        _check(connection)
        with translated(self._translate_callers):
            return await self._keys.enqueue_within(connection, tasks)

    async def close(self) -> None:
        """Send the notifications that are still to be sent."""
        if self._notifier is not None:
            await self._notifier.close()

    async def _committed(self, tasks: Sequence[NewTask], *, plain: bool) -> None:
        many = len(tasks) >= _COPY
        notifies = self._notifier is not None and not many and self._notifier.due()
        edges = [] if plain else edges_of(tasks)
        if edges:
            await self._shared.run(
                lambda connection: self._linked(
                    connection, transaction(connection, self._table), tasks, edges, notify=notifies
                ),
                translate=self._translate,
            )
        elif many:
            await self._shared.run(
                lambda connection: self._copy(connection, tasks, plain=plain), translate=self._translate
            )
        elif notifies or len(tasks) > 1 or not plain:
            await self._run("enqueue", self._rows(tasks, notify=notifies))
        else:
            await self._run("enqueue_one", dict(zip(("id", "task", "args"), tasks[0], strict=False)))
        if self._notifier is not None and not notifies:
            self._notifier.announce()

    async def _linked(
        self,
        connection: AsyncpgConnection,
        transaction: AbstractAsyncContextManager[Any],
        tasks: Sequence[NewTask],
        edges: Sequence[NewEdge],
        *,
        notify: bool = True,
    ) -> None:
        """Insert tasks and what they wait for, in one transaction or as a part of the caller's."""
        async with transaction:
            await self._fetch(connection, "enqueue", self._rows(tasks, notify=notify))
            await self._fetch(connection, "insert_edges", as_columns(edges))

    async def _run(self, name: str, values: dict[str, Any]) -> None:
        await self._shared.run(lambda connection: self._fetch(connection, name, values), translate=self._translate)

    async def _fetch(self, connection: AsyncpgConnection, name: str, values: dict[str, Any]) -> None:
        statement = self._table[name]
        await connection.fetch(statement.text, *statement.values(values))

    async def _copy(self, connection: AsyncpgConnection, tasks: Sequence[NewTask], *, plain: bool) -> None:
        """Insert many rows as one stream, which costs the server half of what a statement does."""
        now = await connection.fetchval(self._table["clock"].text)
        schema, _, name = self._table.name.rpartition(".")
        columns = _NEW_COLUMNS if plain else (*_NEW_COLUMNS, *_MORE_COLUMNS)
        rows = _plain(tasks, now) if plain else _copied(tasks, now)
        try:
            await connection.copy_records_to_table(name, schema_name=schema or None, columns=columns, records=rows)
        except _NOT_BY_COPY:
            # A repetition after a lost reply meets rows of its own; and row-level security forbids a COPY.
            await self._fetch(connection, "enqueue", self._rows(tasks, notify=False))

    def _rows(self, tasks: Sequence[NewTask], *, notify: bool = True) -> dict[str, Any]:
        rows: dict[str, Any] = dict(zip(_ARRAYS, zip(*tasks, strict=True), strict=True))
        # The driver would take a flag for an array of its bits.
        return {
            **rows,
            "links": list(map(int, rows["links"])),
            "channel": self._table.names.channel if notify else None,
        }


def _check(connection: object) -> None:
    """Raise ConfigurationError for a caller's connection that is of another driver, not open, or in no transaction."""
    if not isinstance(connection, asyncpg.Connection | asyncpg.pool.PoolConnectionProxy):
        raise ConfigurationError(
            f"connection= must be an asyncpg connection for a PostgreSQL queue, not {type(connection).__name__}. "
            f"{SQLALCHEMY}"
        )
    try:
        if connection.is_closed():
            raise closed()
    except asyncpg.InterfaceError as error:  # a pool has it back
        raise closed() from error
    if not connection.is_in_transaction():
        raise no_transaction("async with connection.transaction()")


def _plain(tasks: Iterable[NewTask], now: datetime) -> Iterator[tuple[Any, ...]]:
    """Rows of `_NEW_COLUMNS`. They are made one by one, while the server stores those before."""
    for number, task in enumerate(tasks):
        yield task.id, now, now + timedelta(0, 0, number), task.task, task.args, 0


def _copied(tasks: Sequence[NewTask], now: datetime) -> Iterator[tuple[Any, ...]]:
    """Rows of both, whatever was asked for."""
    for number, task in numbered(tasks):
        due = task.run_at if task.run_at is not None or task.delay is None else now + timedelta(seconds=task.delay)
        status, run_after = (5, due) if due is not None and due > now else (0, None)
        if task.links and task.links & ASIDE:
            status, run_after = 5, due if task.links & Link.WAITING else run_after or now
        row = (task.id, now, now + timedelta(microseconds=number), task.task, task.args, status)
        yield (*row, task.queue, task.priority, run_after, task.max_attempts, task.links, task.limit_key)
