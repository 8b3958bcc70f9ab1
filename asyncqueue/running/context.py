"""What a running task can know of itself."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from asyncqueue.model import ClaimedTask, LostTask
from asyncqueue.retries import NO_RETRY, RetryPolicy
from asyncqueue.running.run import current_run


@dataclass(frozen=True, slots=True)
class TaskInfo:
    """The task that runs.

    Attributes:
        id: its row's primary key.
        task: its dotted path.
        attempt: which attempt it is, from 1.
        max_attempts: how many it has; in the last one `attempt` is the same.
    """

    id: UUID
    task: str
    attempt: int = 1
    max_attempts: int = 1


def info_of(row: ClaimedTask | LostTask, retry: RetryPolicy | None = None) -> TaskInfo:
    """What hooks are told of a row; `retry` is what its function declares, None where that is not known."""
    if isinstance(row, LostTask):
        return TaskInfo(row.id, row.task)
    retry = retry or NO_RETRY
    own = row.max_attempts
    return TaskInfo(row.id, row.task, retry.attempt(row.attempt, own), retry.limit(own))


def current_task() -> TaskInfo:
    """The task that runs here. Raises LookupError outside of one."""
    run = current_run.get()
    if run is None:
        raise LookupError("current_task() was called outside of a running task")
    return info_of(run.claimed, run.retry)
