"""What a running task can know of itself."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from asyncqueue.model import ClaimedTask, LostTask
from asyncqueue.running.run import current_run


@dataclass(frozen=True, slots=True)
class TaskInfo:
    """The task that runs: its row's id and its dotted path."""

    id: UUID
    task: str


def info_of(row: ClaimedTask | LostTask) -> TaskInfo:
    """What hooks are told of a row."""
    return TaskInfo(row.id, row.task)


def current_task() -> TaskInfo:
    """The task that runs here. Raises LookupError outside of one."""
    run = current_run.get()
    if run is None:
        raise LookupError("current_task() was called outside of a running task")
    return info_of(run.claimed)
