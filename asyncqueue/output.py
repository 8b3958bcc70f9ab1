"""A task's output, read as it grows."""

from __future__ import annotations

from uuid import UUID

from asyncqueue.backends.base import Backend
from asyncqueue.errors import TaskNotFound
from asyncqueue.model import ENDED, OutputPart, Status

#: Characters read at once.
_PART = 256 * 1024


class OutputReader:
    """Reads what of a task's output it has not read yet.

    A task that is tried again writes its output anew. What the attempt before has left stands there until then, and is
    not read twice.
    """

    def __init__(self, task_id: UUID) -> None:
        #: Whether the task had ended, and all was read.
        self.ended = False
        self._id = task_id
        self._offset = 0
        self._first = True
        self._run: object = None
        #: How long the output was that an earlier attempt has left.
        self._left: int | None = None

    async def read(self, backend: Backend) -> str | None:
        """What is new, None where that is nothing. Raises TaskNotFound."""
        part = await self._look(backend)
        if part.status not in ENDED and part.status != Status.RUNNING:
            return None  # what stands there is of an earlier run
        if not self._first and part.run != self._run:
            self._left = part.length
        self._first, self._run = False, part.run
        if self._left is not None:
            if part.length == self._left and part.status == Status.RUNNING:
                return None
            self._left = None
            self._offset = 0
            part = await self._look(backend)
        elif (part.length or 0) < self._offset:
            self._offset = 0
            part = await self._look(backend)
        text = part.text or ""
        self._offset += len(text)
        self.ended = part.status in ENDED and len(text) < _PART
        if self.ended and part.status == Status.FAILED and not _keeps_errors(backend):
            return None  # the 7-column table has the error's text there
        return text or None

    async def _look(self, backend: Backend) -> OutputPart:
        part = await backend.read_output(self._id, self._offset, _PART)
        if part is None:
            raise TaskNotFound(self._id, f"there is no task {self._id}")
        return part


def _keeps_errors(backend: Backend) -> bool:
    return backend.shape is None or backend.shape.errors
