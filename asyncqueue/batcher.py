"""Lets concurrent enqueue() calls share one INSERT and one commit."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from asyncqueue.backends.common.shielding import begin
from asyncqueue.errors import DatabaseUnavailable, DataRejected, MigrationRequired
from asyncqueue.model import NewTask


class Batcher:
    """Group commit without a timer.

    What is pending is written at once, by a task that lives only while there is something to write; what comes
    meanwhile is its next batch. So a lone caller waits for nothing, fifty callers share a commit, and everybody
    returns when their own row is committed. A caller that is cancelled harms no other: the writing is not its own.

    Args:
        write: inserts rows, all or none of them; safe to repeat.
        limit: rows in one batch.
    """

    def __init__(self, write: Callable[[Sequence[NewTask]], Awaitable[None]], *, limit: int = 1000) -> None:
        self._write = write
        self._limit = limit
        self._pending: list[tuple[NewTask, asyncio.Future[None]]] = []
        self._writer: asyncio.Task[None] | None = None

    async def add(self, task: NewTask) -> None:
        """Return when the row is committed. Raises what `write` raises for it.

        The row of a caller that is cancelled meanwhile may or may not be written.
        """
        loop = asyncio.get_running_loop()
        written: asyncio.Future[None] = loop.create_future()
        self._pending.append((task, written))
        if self._writer is None:
            self._writer = begin(self._write_pending())
        await written

    async def _write_pending(self) -> None:
        batch: list[tuple[NewTask, asyncio.Future[None]]] = []
        try:
            while self._pending:
                batch, self._pending = self._pending[: self._limit], self._pending[self._limit :]
                batch = [(task, written) for task, written in batch if not written.done()]
                for (_, written), error in zip(batch, await self._write_batch(batch), strict=True):
                    if written.done():
                        continue
                    if error is None:
                        written.set_result(None)
                    else:
                        written.set_exception(error)
        finally:
            self._writer = None
            # Reached with something left only where this was cancelled: when the event loop itself ends, for one.
            left, self._pending = [*batch, *self._pending], []
            for _, written in left:
                if not written.done():
                    written.set_exception(DatabaseUnavailable("enqueueing was cancelled: it may have been done"))

    async def _write_batch(self, batch: list[tuple[NewTask, asyncio.Future[None]]]) -> list[Exception | None]:
        """Write a batch. Returns the error of each of its rows, None for those that are committed."""
        tasks = [task for task, _ in batch]
        error = await self._try(tasks)
        if isinstance(error, DataRejected | MigrationRequired) and len(tasks) > 1:
            # One row that the database refuses, or that the table cannot hold, must not fail its neighbours.
            return [await self._try([task]) for task in tasks]
        return [error] * len(tasks)

    async def _try(self, tasks: Sequence[NewTask]) -> Exception | None:
        try:
            if tasks:
                await self._write(tasks)
        except Exception as error:  # noqa: BLE001 - raised again in the caller it belongs to
            return error
        return None
