"""A task's output, read as it grows."""

from __future__ import annotations

from uuid import UUID

from asyncqueue.backends.base import Backend
from asyncqueue.errors import TaskNotFound
from asyncqueue.model import ENDED, OutputPart, Stamp, Status

#: Characters read at once.
_PART = 256 * 1024


class OutputReader:
    """Reads what of a task's output it has not read yet.

    The row says which run has written what stands there. While that is the run whose output was read before, reading
    goes on behind it; as soon as it is another one, which writes anew, it begins again. So it does not matter what
    becomes of the task between two looks, and what a run that is over has left is not taken for the next one's.
    """

    def __init__(self, task_id: UUID) -> None:
        #: Whether the task had ended, and all was read.
        self.ended = False
        self._id = task_id
        self._offset = 0
        #: Whose output was read: the time of that run's claim.
        self._run: Stamp | None = None
        #: Where the table does not say that: how long the output was before the next run.
        self._left: int | None = None

    async def read(self, backend: Backend) -> str | None:
        """What is new, None where that is nothing. Raises TaskNotFound, DatabaseError."""
        seen = await self._look(backend)
        part = await (self._follow if _tells_runs(backend) else self._guess)(backend, seen)
        if part is None:
            return None
        text = part.text or ""
        self._offset += len(text)
        self.ended = part.status in ENDED and len(text) < _PART
        if self.ended and part.status == Status.FAILED and not _keeps_errors(backend):
            return None  # the 7-column table has the error's text there
        return text or None

    async def _follow(self, backend: Backend, part: OutputPart) -> OutputPart | None:
        """The part to go on with, None where no run has written anything."""
        while part.run is not None and part.run != self._run:
            self._run = part.run
            if not self._offset:
                break
            self._offset = 0
            part = await self._look(backend)
        if part.run is None and part.status not in ENDED:
            return None  # it was queued again by hand: that was left by what went before
        return part

    async def _guess(self, backend: Backend, part: OutputPart) -> OutputPart | None:
        """Likewise, where the table does not say who has written what.

        What stands there while nothing runs is passed over, until it has changed.
        """
        length = part.length or 0
        if part.status not in ENDED and part.status != Status.RUNNING:
            self._left = length
            return None
        if self._left is not None and part.status == Status.RUNNING and length == self._left:
            return None
        if self._left is not None or length < self._offset:
            self._left = None
            self._offset = 0
            return await self._look(backend)
        return part

    async def _look(self, backend: Backend) -> OutputPart:
        part = await backend.read_output(self._id, self._offset, _PART)
        if part is None:
            raise TaskNotFound(self._id, f"there is no task {self._id}")
        return part


def _tells_runs(backend: Backend) -> bool:
    return backend.shape is not None and backend.shape.migrated


def _keeps_errors(backend: Backend) -> bool:
    return backend.shape is None or backend.shape.errors
