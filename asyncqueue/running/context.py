"""What a running task can know of itself."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class TaskInfo:
    """The task that runs: its row's id and its dotted path."""

    id: UUID
    task: str


running_task: ContextVar[TaskInfo] = ContextVar("asyncqueue_task")


def current_task() -> TaskInfo:
    """The task that runs here. Raises LookupError outside of one."""
    try:
        return running_task.get()
    except LookupError:
        raise LookupError("current_task() was called outside of a running task") from None
