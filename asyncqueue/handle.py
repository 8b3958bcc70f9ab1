"""What enqueue() returns: a task seen from outside."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from math import inf
from typing import TYPE_CHECKING, Any
from uuid import UUID

import anyio

from asyncqueue.checks import check_timeout
from asyncqueue.errors import ResultTimeout, TaskCancelled, TaskFailed
from asyncqueue.model import Attempt, Status, TaskRecord
from asyncqueue.output import OutputReader
from asyncqueue.results import decode_result

if TYPE_CHECKING:
    from asyncqueue.queue import Queue


class TaskHandle:
    """One task of a queue, by its id.

    Attributes:
        id: the row's primary key.
        created: False if nothing was enqueued, because this task holds the unique key that was asked for.
    """

    __slots__ = ("_queue", "_result_type", "created", "id")

    def __init__(self, queue: Queue, task_id: UUID, result_type: Any = None, *, created: bool = True) -> None:
        self.id = task_id
        self.created = created
        self._queue = queue
        self._result_type = result_type

    def __repr__(self) -> str:
        return f"<TaskHandle {self.id}>"

    async def record(self) -> TaskRecord:
        """The whole row as it is now. Raises TaskNotFound."""
        return await self._queue.get(self.id)

    async def status(self) -> Status | int:
        """The task's status as it is now. Raises TaskNotFound."""
        return (await self.record()).status

    async def attempts(self) -> list[Attempt]:
        """What is kept of its attempts, the first one first; see `Queue.attempts`."""
        return await self._queue.attempts(self.id)

    async def cancel(self) -> bool:
        """Cancel the task; one that runs is stopped within its worker's heartbeat. False if it had ended already."""
        return self.id in await self._queue.cancel(self.id)

    async def result(self, *, timeout: float | None = None) -> Any:
        """Wait for the end and return the result.

        The result is of the type that the enqueued function is annotated to return. Where there is no annotation, or
        only the dotted path was given, it is the text of the output column: a str as the task returned it, anything
        else as JSON, None for None.

        Args:
            timeout: seconds to wait, None for as long as it takes.

        Raises:
            TaskFailed: its `error` is the text of the error column.
            TaskCancelled: it was cancelled; because of another one that has not completed where its `error` says so.
            TaskNotFound: the row does not exist (any more).
            ResultTimeout: not ended in time; the task itself goes on.
        """
        timeout = check_timeout(timeout)
        with anyio.move_on_after(timeout):
            return self._end(await self._queue.waiting.end(self.id))
        raise self._timeout(timeout)

    async def stream(self, *, timeout: float | None = None) -> AsyncIterator[str]:
        """Yield the task's output as it grows: what a generator yields, piece by piece, else all of it at the end.

        Pieces come as they were written, some times a second, and may hold several of what was yielded. It begins with
        what the task has written by now, and when a later run begins to write, its output follows.

        Args:
            timeout: seconds from now, None for as long as it takes.

        Raises what `result` raises, after what the task has written before.
        """
        timeout = check_timeout(timeout)
        reader = OutputReader(self.id)
        give_up_at = inf if timeout is None else time.monotonic() + timeout
        with self._queue.waiting.reading():
            while not reader.ended:
                with anyio.move_on_after(give_up_at - time.monotonic()) as scope:
                    text = await self._queue.waiting.piece(reader)
                if scope.cancelled_caught:
                    raise self._timeout(timeout)
                if text is not None:
                    yield text
        self._end(await self.record())

    def _timeout(self, timeout: float | None) -> ResultTimeout:
        return ResultTimeout(self.id, f"task {self.id} had not ended after {timeout:g} seconds; it goes on")

    def _end(self, record: TaskRecord) -> Any:
        if record.status == Status.FAILED:
            # The 7-column table keeps the error's text in the output column.
            raise TaskFailed(self.id, record.error if record.error is not None else record.output or "")
        if record.status == Status.CANCELLED:
            raise TaskCancelled(self.id, record.error)
        return decode_result(record.output, self._result_type)
