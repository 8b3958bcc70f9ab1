"""How rows get into a MySQL or MariaDB table: one by one, in batches, in a transaction of the caller's."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any
from uuid import UUID

import aiomysql

from asyncqueue.backends.common.callers_connection import SQLALCHEMY, closed, for_callers, no_transaction
from asyncqueue.backends.common.connection import SharedConnection, translated
from asyncqueue.backends.common.edges import edges_of
from asyncqueue.backends.common.table import Table
from asyncqueue.backends.mysql.batches import write
from asyncqueue.backends.mysql.connection import Call, MysqlConnection, is_open, send
from asyncqueue.backends.mysql.rows import new_rows
from asyncqueue.backends.mysql.times import Times
from asyncqueue.backends.mysql.unique_keys import Keys
from asyncqueue.errors import ConfigurationError, DataRejected
from asyncqueue.model import NewTask

# A row with so many characters at most is inserted without a look at its size in bytes.
_SHORT = 100_000


class Enqueueing:
    """Inserts new rows.

    Args:
        shared: the connection for that.
        beside: as `Keys` takes it.
        translate: as `SharedConnection.run` takes it.
    """

    def __init__(
        self,
        table: Table,
        times: Times,
        shared: SharedConnection[MysqlConnection],
        beside: SharedConnection[MysqlConnection],
        translate: Callable[[BaseException], Exception | None],
    ) -> None:
        #: What the server takes in one packet, in bytes, and how long a task's path may be: known when they were asked.
        self.max_packet = 0
        self.task_length = 0
        self._table = table
        self._times = times
        self._shared = shared
        self._translate = translate
        self._translate_callers = for_callers(translate)
        self._keys = Keys(table, times, shared, beside, translate)

    async def enqueue(self, tasks: Sequence[NewTask], connection: Any) -> None:
        """As `Backend.enqueue`."""
        if not tasks:
            return
        plain = self._table.check(tasks)
        if not plain and edges_of(tasks):
            await self._linked(tasks, connection)
            return
        rows = new_rows(tasks, migrated=self._table.migrated)
        offset = self._times.offset()
        if connection is not None:
            self._check(connection, tasks)
            call: Call = self._table["enqueue"], {"rows": json.dumps(rows, default=str), "utc_offset": offset}
            with translated(self._translate_callers):
                await send(connection, call, self.max_packet)
        elif len(rows) == 1 and plain and len(tasks[0].args or "") < _SHORT:
            one: Call = self._table["enqueue_one"], {**rows[0], "utc_offset": offset}
            await self._shared.run(lambda connection: connection.run(one), translate=self._translate)
        else:
            work = partial(write, table=self._table, name="enqueue", rows=rows, utc_offset=offset)
            await self._shared.run(work, translate=self._translate)

    async def _linked(self, tasks: Sequence[NewTask], connection: Any) -> None:
        """Insert tasks and what they wait for."""
        if connection is None:
            await self._keys.insert(tasks)
            return
        self._check(connection, tasks)
        with translated(self._translate_callers):
            await self._keys.insert_within(connection, tasks, self.max_packet)

    async def enqueue_unique(self, tasks: Sequence[NewTask], connection: Any) -> list[UUID]:
        """As `Backend.enqueue_unique`."""
        if connection is None:
            return await self._keys.enqueue(tasks)
        self._check(connection, tasks)
        with translated(self._translate_callers):
            return await self._keys.enqueue_within(connection, tasks, self.max_packet)

    def _check(self, connection: object, tasks: Iterable[NewTask]) -> None:
        """Raise ConfigurationError for a caller's connection that is of another driver, not open, or in no transaction.

        DataRejected for a path that one may cut to fit: it need not be in strict mode.
        """
        if not isinstance(connection, aiomysql.Connection):
            raise ConfigurationError(
                f"connection= must be an aiomysql connection for a MySQL or MariaDB queue, "
                f"not {type(connection).__name__}. {SQLALCHEMY}"
            )
        if not is_open(connection):
            raise closed()
        # Without autocommit the server begins a transaction with the next statement.
        if connection.get_autocommit() and not connection.get_transaction_status():
            raise no_transaction("await connection.begin()")
        for task in tasks:
            if len(task.task) > self.task_length:
                raise DataRejected(f"the path {task.task!r} is longer than {self.task_length} characters")
