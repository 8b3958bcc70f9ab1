"""What the helpers raise beside `asyncqueue.errors`."""

from __future__ import annotations

from collections.abc import Sequence

from asyncqueue.errors import AsyncQueueError
from asyncqueue.model import TaskRecord


class TasksFailed(AsyncQueueError, AssertionError):
    """Tasks failed that a test has run; `records` are their rows."""

    def __init__(self, message: str, records: Sequence[TaskRecord]) -> None:
        super().__init__(message)
        self.records = records


class QueueNotEmpty(AsyncQueueError, TimeoutError):
    """Tasks that a test runs had not ended in time; `records` are the rows that have not."""

    def __init__(self, message: str, records: Sequence[TaskRecord]) -> None:
        super().__init__(message)
        self.records = records
