"""The worker of a test: the one of production, with what it learns on the way."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from typing import Any, Final
from uuid import UUID

import anyio

from asyncqueue.errors import unwrapped
from asyncqueue.model import Status, TaskRecord
from asyncqueue.queue import Queue
from asyncqueue.running import redirect
from asyncqueue.running.application import Application
from asyncqueue.running.hooks import Hooks
from asyncqueue.running.resolve import AllowRule
from asyncqueue.settings import Settings
from asyncqueue.testing.errors import QueueNotEmpty
from asyncqueue.testing.texts import listed

#: Settings of a worker that is the only one: it serves all queues, and nobody else has a function that it lacks.
ALONE: Final[dict[str, Any]] = {"queues": (), "unknown_tasks": 0.0}

_capturing = 0


class Witness:
    """Sees which tasks a worker ran, and what they raised."""

    def __init__(self) -> None:
        #: In the order in which they began.
        self.seen: dict[UUID, None] = {}
        #: What the last attempt of each raised.
        self.raised: dict[UUID, BaseException] = {}

    def around(self, application: Application) -> Application:
        """The same application, witnessed."""
        theirs = application.caught

        def caught(task_id: UUID, error: BaseException) -> None:
            self.seen[task_id] = None
            self.raised[task_id] = error
            if theirs is not None:
                theirs(task_id, error)

        own = Hooks(before_job=(self._see,), on_success=(self._see,), on_failure=(self._see,))
        return replace(application, hooks=Hooks.combined([own, application.hooks]), caught=caught)

    async def _see(self, info: Any, *_: Any) -> None:
        self.seen[info.id] = None


def application_of(settings: Settings) -> Application:
    """What `asyncqueue run` makes of the settings. Raises ConfigurationError for a module of hooks that is none."""
    hooks = Hooks() if settings.hooks is None else Hooks.from_module(settings.hooks)
    return Application(hooks=hooks, allow=AllowRule(patterns=settings.allow))


@contextmanager
def capturing() -> Iterator[None]:
    """Send what tasks print and log to their own logs, as `asyncqueue run` does; may be nested."""
    # Not for longer than a call: pytest puts streams of its own in place between the phases of a test.
    global _capturing
    _capturing += 1
    redirect.install()
    try:
        yield
    finally:
        _capturing -= 1
        if not _capturing:
            redirect.uninstall()


@asynccontextmanager
async def within(queue: Queue, timeout: float | None, what: str) -> AsyncIterator[None]:
    """Raise QueueNotEmpty, which says what has not ended, when this takes longer than so many seconds."""
    late: list[TaskRecord] | None = None

    async def watch(scope: anyio.CancelScope, seconds: float) -> None:
        nonlocal late
        await anyio.sleep(seconds)
        # Before the cancellation, which queues again what runs.
        late = await _unended(queue)
        scope.cancel()

    try:
        async with anyio.create_task_group() as group:
            if timeout is not None:
                group.start_soon(watch, group.cancel_scope, timeout)
            yield
            group.cancel_scope.cancel()
    except BaseExceptionGroup as error:
        raise unwrapped(error) from None
    if late is not None:
        raise QueueNotEmpty(f"{what} had not ended after {timeout:g} seconds; what has not:\n{listed(late)}", late)


async def _unended(queue: Queue) -> list[TaskRecord]:
    """What runs, then what is queued, then what is scheduled."""
    # In one statement: between two, a task may go from the status that is read next into the one read before.
    found = await queue.list(status=_UNENDED, limit=_READ)
    return sorted(found, key=lambda record: (_UNENDED.index(record.status), record.modified))


_UNENDED: Final = (Status.RUNNING, Status.QUEUED, Status.SCHEDULED)
_READ: Final = 10_000  # rows
