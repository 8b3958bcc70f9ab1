"""Writes new rows: what callers enqueue at the same time together, and through an outage that is short."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

from asyncqueue.backends.base import Backend
from asyncqueue.batcher import Batcher
from asyncqueue.model import NewTask
from asyncqueue.patience import on_one_table, patiently
from asyncqueue.rows import Rows

Row = TypeVar("Row")
Result = TypeVar("Result")


class Writer:
    """The rows of one queue on their way into the table.

    With a connection they become part of the caller's own transaction, at once and without a repetition.

    Args:
        patience: seconds to wait for a database that is away.
    """

    def __init__(self, backend: Backend, patience: float) -> None:
        self._backend = backend
        self._patience = patience
        self._batcher = Batcher(self._write)

    async def one(self, row: NewTask, connection: Any) -> UUID:
        """Write one row. Returns its id, or that of the task which holds its unique key."""
        if row.unique is not None:
            [task_id] = await self._write_unique([row], connection)
            return task_id
        if connection is None:
            await self._batcher.add(row)
        else:
            await self._backend.enqueue([row], connection=connection)
        return row.id

    async def many(self, rows: Sequence[NewTask], connection: Any) -> list[UUID]:
        """Write all of these or none. Returns what `one` does of each."""
        if any(row.unique is not None for row in rows):
            return await self._write_unique(rows, connection)
        if connection is None:
            await self._write(rows)
        else:
            await self._backend.enqueue(rows, connection=connection)
        return [row.id for row in rows]

    async def declare(self, rows: Rows, connection: Any) -> None:
        """Note what functions declare of limits before the first of their tasks is enqueued.

        Where the caller has a transaction, which another one may have to wait for, that is left to workers.
        """
        if rows.undeclared and connection is None:
            undeclared = dict(rows.undeclared)
            await self._patiently(partial(self._backend.limits.declare, began=None), list(undeclared.values()))
            rows.note(undeclared)

    async def _write(self, rows: Sequence[NewTask]) -> None:
        await self._patiently(self._backend.enqueue, rows)

    async def _write_unique(self, rows: Sequence[NewTask], connection: Any) -> list[UUID]:
        if connection is not None:
            return await self._backend.enqueue_unique(rows, connection=connection)
        return await self._patiently(self._backend.enqueue_unique, rows)

    async def _patiently(self, write: Callable[[Sequence[Row]], Awaitable[Result]], rows: Sequence[Row]) -> Result:
        """Write rows, waiting out an outage shorter than the patience: repetitions are harmless here."""
        return await patiently(partial(on_one_table, partial(write, rows)), self._patience)
