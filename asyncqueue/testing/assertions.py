"""What was enqueued: to look at, and to assert."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any

from asyncqueue.model import Status, TaskRecord
from asyncqueue.queue import Queue
from asyncqueue.requests import Task
from asyncqueue.tasks import encode_args, path_of
from asyncqueue.testing.opened import opened
from asyncqueue.testing.texts import listed, status_name

#: What has not ended.
WAITING = frozenset({Status.QUEUED, Status.SCHEDULED, Status.RUNNING})

_PAGE = 1000
_TIMES = {0: "not at all", 1: "once"}


async def enqueued(
    queue: Queue, task: Task | None = None, *, status: Status | Collection[Status] = WAITING
) -> list[TaskRecord]:
    """What is in the queue and has not ended, in the order in which it was enqueued.

    Args:
        queue: an open queue.
        task: only this one: the function, or its dotted path.
        status: what to look for instead: `Status.COMPLETED` for what has run, `set(Status)` for everything.

    Raises ConfigurationError for a queue that is not open.
    """
    path = None if task is None else path_of(task)
    found: list[TaskRecord] = []
    async with opened(queue):
        while True:
            page = await queue.list(status=status, task=path, limit=_PAGE, offset=len(found))
            found += page
            if len(page) < _PAGE:
                return sorted(found, key=lambda record: (record.created, record.modified, record.id))


async def assert_enqueued(
    queue: Queue,
    task: Task,
    args: Mapping[str, Any] | None = None,
    *,
    count: int | None = 1,
    queue_name: str | None = None,
    priority: int | None = None,
    status: Status | Collection[Status] = WAITING,
) -> list[TaskRecord]:
    """Assert that a task was enqueued and has not ended. Returns the rows that match.

    Args:
        queue: an open queue.
        task: the function, or its dotted path.
        args: all of its arguments, compared as the JSON that is stored; any where they are left out.
        count: exactly so many times; None for once or more.
        queue_name: in the queue of this name; in any where it is left out.
        priority: with this priority; with any where it is left out.
        status: as in `enqueued`.

    Raises AssertionError with a list of what is there instead.
    """
    __tracebackhide__ = True
    path = path_of(task)
    wanted = None if args is None else json.loads(encode_args(args, queue.settings.max_args_size))
    there = await enqueued(queue, status=set(Status))
    found = [
        record
        for record in await enqueued(queue, path, status=status)
        if (wanted is None or json.loads(record.args or "{}") == wanted)
        and (queue_name is None or record.queue == queue_name)
        and (priority is None or record.priority == priority)
    ]
    if len(found) == count or (count is None and found):
        return found
    what = [path] if wanted is None else [path, json.dumps(wanted)]
    what += [] if queue_name is None else [f"in queue {queue_name}"]
    what += [] if priority is None else [f"with priority {priority}"]
    what += [] if status is WAITING else [f"({_statuses(status)})"]
    expected = "at least once" if count is None else _TIMES.get(count, f"{count} times")
    times = _TIMES.get(len(found), f"{len(found)} times")
    raise AssertionError(f"expected {expected}, found {times}: {' '.join(what)}\nthe queue holds\n{listed(there)}")


async def assert_not_enqueued(
    queue: Queue,
    task: Task,
    args: Mapping[str, Any] | None = None,
    *,
    queue_name: str | None = None,
    priority: int | None = None,
    status: Status | Collection[Status] = WAITING,
) -> None:
    """Assert that a task was not enqueued, or has ended. The arguments are those of `assert_enqueued`."""
    __tracebackhide__ = True
    await assert_enqueued(queue, task, args, count=0, queue_name=queue_name, priority=priority, status=status)


def _statuses(status: Status | Collection[Status]) -> str:
    some = [status] if isinstance(status, Status) else sorted(status)
    return " or ".join(map(status_name, some))
