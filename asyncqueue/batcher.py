"""Lets concurrent enqueue() calls share one INSERT and one commit."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import anyio

from asyncqueue.errors import DataRejected
from asyncqueue.model import NewTask


class Batcher:
    """Group commit without a background task and without a timer.

    The caller that finds nobody writing writes what is pending, its own row alone when it is the only one. Whoever
    comes meanwhile is written together with all the others by one of them, as soon as that write has returned. So a
    lone caller waits for nothing, and fifty callers share a commit. Everybody returns when their own row is committed.
    """

    def __init__(self, write: Callable[[Sequence[NewTask]], Awaitable[None]], *, limit: int = 1000) -> None:
        self._write = write
        self._limit = limit
        self._pending: list[_Entry] = []
        self._busy = False

    async def add(self, task: NewTask) -> None:
        """Return when the row is committed. Raises what `write` raises for it.

        A cancelled caller's row may or may not have been written.
        """
        entry = _Entry(task)
        self._pending.append(entry)
        if self._busy:
            await self._wait(entry)
        if not entry.done:
            self._busy = True
            try:
                # Others depend on this write: it goes on when the caller that happens to lead is cancelled.
                with anyio.CancelScope(shield=True):
                    await self._flush()
            finally:
                self._hand_over()
        if entry.error is not None:
            raise entry.error

    async def _wait(self, entry: _Entry) -> None:
        try:
            await entry.turn.wait()
        except BaseException:
            if entry in self._pending:
                self._pending.remove(entry)
            if entry.leads:
                self._hand_over()
            raise

    async def _flush(self) -> None:
        batch, self._pending = self._pending[: self._limit], self._pending[self._limit :]
        try:
            await self._write([entry.task for entry in batch])
        except DataRejected as error:
            # One row that the database refuses must not fail its neighbours.
            if len(batch) == 1:
                batch[0].error = error
            else:
                for entry in batch:
                    entry.error = await self._try(entry.task)
        except Exception as error:  # noqa: BLE001 - it belongs to every caller of the batch, and is raised there
            for entry in batch:
                entry.error = error
        for entry in batch:
            entry.done = True
            entry.turn.set()

    async def _try(self, task: NewTask) -> Exception | None:
        try:
            await self._write([task])
        except Exception as error:  # noqa: BLE001 - raised by the caller it belongs to
            return error
        return None

    def _hand_over(self) -> None:
        if self._pending:
            self._pending[0].leads = True
            self._pending[0].turn.set()
        else:
            self._busy = False


class _Entry:
    __slots__ = ("done", "error", "leads", "task", "turn")

    def __init__(self, task: NewTask) -> None:
        self.task = task
        self.turn = anyio.Event()
        self.done = False
        self.leads = False
        self.error: Exception | None = None
