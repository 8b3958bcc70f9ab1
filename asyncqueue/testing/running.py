"""Runs what is in a queue, here and now."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import timedelta
from math import inf

import anyio

from asyncqueue.backoff import Backoff
from asyncqueue.errors import ConfigurationError
from asyncqueue.model import Status, TaskRecord
from asyncqueue.queue import Queue
from asyncqueue.running.application import Application
from asyncqueue.running.run import current_run
from asyncqueue.testing.errors import TasksFailed
from asyncqueue.testing.opened import opened, require_asyncio
from asyncqueue.testing.texts import report
from asyncqueue.testing.work import ALONE, Witness, application_of, capturing, within
from asyncqueue.worker import Worker


async def run_until_empty(
    queue: Queue,
    *,
    timeout: float | None = 10.0,
    concurrency: int = 1,
    scheduled: bool = False,
    raise_on_failure: bool = True,
    application: Application | None = None,
) -> list[TaskRecord]:
    """Run a worker in this event loop until nothing is queued, running, or scheduled and due.

    It serves all queues; what is in a paused one stays there. Tasks that are enqueued meanwhile run too.

    Args:
        queue: an open queue, in memory or on a server.
        timeout: seconds until it gives up; None for never. It cannot interrupt a task that blocks the event loop.
        concurrency: tasks that run at once. One after the other, so that a test has one outcome, where it is left out.
        scheduled: run what is due later, too, delayed tasks and further attempts, in the order of their times, as if
            time had passed for the whole queue.
        raise_on_failure: whether a failed task is an error here; without `scheduled` also one that waits for another
            attempt.
        application: hooks and the allow rule; as the settings have them where it is left out.

    Returns:
        The tasks that have run here and ended, in the order in which they began. Those that were cancelled instead,
        because what they were to run after has not completed, are not among them.

    Raises:
        TasksFailed: an AssertionError with the error and the log of each task that failed.
        QueueNotEmpty: a TimeoutError that names what had not ended in time. What was running is queued again.
        ConfigurationError: a queue that is not open, no event loop of asyncio, or a call inside of a task.
    """
    require_asyncio("run_until_empty()")
    if current_run.get() is not None:
        raise ConfigurationError(
            "run_until_empty() was called inside of a task, which it would wait for itself: call it in the test"
        )
    settings = queue.settings.model_copy(update={**ALONE, "concurrency": _whole(concurrency)})
    witness = Witness()
    witnessed = witness.around(application or application_of(settings))
    async with opened(queue), within(queue, limit_of(timeout), "run_until_empty()"):
        with capturing():
            await _run(queue, scheduled, lambda: Worker(queue, settings=settings, application=witnessed))
    records = await _records(queue, witness)
    if raise_on_failure:
        _raise_failures(records, witness)
    return [record for record in records if record.status in _ENDS]


async def advance(queue: Queue, by: float | timedelta) -> None:
    """Let time pass for what is scheduled: all of it is due so much earlier, in seconds or as a timedelta.

    Nothing runs by that; `run_until_empty` then does what is due.

    Raises:
        ConfigurationError: no time, or one that is negative; a queue that is not open.
        MigrationRequired: a table that is not at level 1.
    """
    seconds = by.total_seconds() if isinstance(by, timedelta) else by
    if not isinstance(seconds, int | float) or isinstance(seconds, bool) or not 0 <= seconds < inf:
        raise ConfigurationError(f"time passes by a number of seconds or a timedelta, not below 0, not by {by!r}")
    async with opened(queue):
        await queue.backend.scheduled.advance(round(seconds * 1e6))


async def bring_next_forward(queue: Queue) -> bool:
    """Let so much time pass that the next scheduled task is due. Returns whether there was one."""
    due_in = await queue.backend.scheduled.until_due()
    if due_in is not None and due_in > 0:
        await queue.backend.scheduled.advance(math.ceil(due_in * 1e6))
    return due_in is not None


_ENDS = (Status.COMPLETED, Status.FAILED, Status.CANCELLED)


async def _run(queue: Queue, scheduled: bool, make: Callable[[], Worker]) -> None:
    polls = Backoff(0.005, 0.5)
    while True:
        await make().run(burst=True)
        if await queue.count(status=Status.RUNNING):
            await anyio.sleep(polls.next())  # in another worker: its end may queue more
            continue
        due_in = await queue.backend.scheduled.until_due()
        if due_in is None or (due_in > 0 and not scheduled):
            return
        await bring_next_forward(queue)


async def _records(queue: Queue, witness: Witness) -> list[TaskRecord]:
    """The rows of what was run, as far as they are still there, in the order in which it began."""
    found = {record.id: record for record in await queue.backend.get(list(witness.seen))}
    return [found[task_id] for task_id in witness.seen if task_id in found]


def _raise_failures(records: Sequence[TaskRecord], witness: Witness) -> None:
    # One that waits for another attempt would else be a test that passes although its task is broken.
    waiting = [record for record in records if record.status == Status.SCHEDULED and record.error]
    failed = [record for record in records if record.status == Status.FAILED] + waiting
    if not failed:
        return
    heading = "a task failed" if len(failed) == 1 else f"{len(failed)} tasks failed"
    if waiting:
        heading += "; what is scheduled waits for another attempt (scheduled=True makes it)"
    raise TasksFailed(f"{heading}\n{report(failed)}", failed) from witness.raised.get(failed[0].id)


def _whole(concurrency: object) -> int:
    if not isinstance(concurrency, int) or isinstance(concurrency, bool) or not 1 <= concurrency <= 10_000:
        raise ConfigurationError(f"concurrency must be a whole number from 1 to 10000, not {concurrency!r}")
    return concurrency


def limit_of(timeout: object) -> float | None:
    """A timeout in seconds, checked. Raises ConfigurationError."""
    if timeout is None:
        return None
    if not isinstance(timeout, int | float) or isinstance(timeout, bool) or not 0 < timeout < inf:
        raise ConfigurationError(f"timeout must be a number of seconds above 0, or None for none, not {timeout!r}")
    return float(timeout)
