"""What a running task can know of itself."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from asyncqueue.model import DEFAULT_QUEUE, ClaimedTask, LostTask
from asyncqueue.preceding import Predecessors
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
        queue: the queue that it is in.
    """

    id: UUID
    task: str
    attempt: int = 1
    max_attempts: int = 1
    queue: str = DEFAULT_QUEUE


def info_of(row: ClaimedTask | LostTask, retry: RetryPolicy | None = None) -> TaskInfo:
    """What hooks are told of a row; `retry` is what its function declares, None where that is not known."""
    if isinstance(row, LostTask):
        last = row.attempt + 1
        return TaskInfo(row.id, row.task, last, last, row.queue)
    retry = retry or NO_RETRY
    own = row.max_attempts
    return TaskInfo(row.id, row.task, retry.attempt(row.attempt, own), retry.limit(own), row.queue)


def current_task() -> TaskInfo:
    """The task that runs here. Raises LookupError outside of one."""
    run = current_run.get()
    if run is None:
        raise LookupError("current_task() was called outside of a running task")
    return info_of(run.claimed, run.retry)


def predecessors() -> Predecessors:
    """The tasks that the one that runs here was to run after, in the order in which `after` named them.

    `await predecessors()` is a list of them, `async for each in predecessors()` reads them in batches, and in a plain
    function, which runs in a thread, `for each in predecessors()` does. There are none where it was enqueued without
    `after`.

    Raises LookupError outside of a task, and in one that runs in a process of its own, which has no database.
    """
    run = current_run.get()
    if run is None:
        raise LookupError("predecessors() was called outside of a running task: there is Queue.predecessors(id)")
    if run.chains is None:
        raise LookupError(
            "predecessors() cannot be read in a process of its own, which has no connection to the database: declare "
            'the task without isolation="process", or open a Queue there and read '
            "queue.predecessors(current_task().id)"
        )
    return Predecessors(run.chains, run.claimed.id, None if run.task is None else run.task.get_loop())
