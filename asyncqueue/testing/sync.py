"""The helpers for tests and code that are not async."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

from asyncqueue.errors import ConfigurationError
from asyncqueue.model import Status, TaskRecord
from asyncqueue.queue import Queue
from asyncqueue.requests import Task
from asyncqueue.running.application import Application
from asyncqueue.settings import Settings
from asyncqueue.testing import assertions, running
from asyncqueue.testing.assertions import WAITING

Result = TypeVar("Result")

_VARIABLE = "ASYNCQUEUE_DATABASE_URL"


@contextmanager
def sync_queue(*, settings: Settings | None = None) -> Iterator[SyncQueue]:
    """A new, empty queue in a temporary SQLite file; inside, the settings' default database is that file.

    So `enqueue()` goes there from every event loop, thread and child process that begins inside: from a view that calls
    `asyncio.run(enqueue(...))` or `async_to_sync(enqueue)(...)`. It works by the environment variable
    ASYNCQUEUE_DATABASE_URL.

    Args:
        settings: of the helpers' queue, everything but the database; as in production where they are left out. The
            name of the table has to be the one that the application's settings have.

    Raises ConfigurationError in an event loop, where `memory_queue` is meant.
    """
    _require_no_loop("sync_queue()", "memory_queue()")
    with TemporaryDirectory(prefix="asyncqueue-") as folder:
        url = f"sqlite:///{Path(folder) / 'testing.sqlite3'}"
        before = os.environ.get(_VARIABLE)
        os.environ[_VARIABLE] = url
        try:
            yield SyncQueue(url, settings)
        finally:
            if before is None:
                del os.environ[_VARIABLE]
            else:
                os.environ[_VARIABLE] = before


class SyncQueue:
    """What `sync_queue` makes: each call opens the queue in an event loop of its own, works, and closes it.

    Attributes:
        url: of the file.
    """

    def __init__(self, url: str, settings: Settings | None) -> None:
        self.url = url
        self._settings = settings

    def call(self, function: Callable[[Queue], Awaitable[Result]]) -> Result:
        """Call an async function with the queue, open, and return what it returns.

        Raises ConfigurationError in an event loop.
        """
        _require_no_loop("SyncQueue", "the async helpers with memory_queue()")

        async def opened() -> Result:
            async with Queue(self.url, settings=self._settings) as queue:
                return await function(queue)

        return asyncio.run(opened())

    def run_until_empty(
        self,
        *,
        timeout: float | None = 10.0,
        concurrency: int = 1,
        scheduled: bool = False,
        raise_on_failure: bool = True,
        application: Application | None = None,
    ) -> list[TaskRecord]:
        """As `asyncqueue.testing.run_until_empty`."""
        return self.call(
            lambda queue: running.run_until_empty(
                queue,
                timeout=timeout,
                concurrency=concurrency,
                scheduled=scheduled,
                raise_on_failure=raise_on_failure,
                application=application,
            )
        )

    def advance(self, by: float | timedelta) -> None:
        """As `asyncqueue.testing.advance`."""
        self.call(lambda queue: running.advance(queue, by))

    def enqueued(self, task: Task | None = None, *, status: Status | Collection[Status] = WAITING) -> list[TaskRecord]:
        """As `asyncqueue.testing.enqueued`."""
        return self.call(lambda queue: assertions.enqueued(queue, task, status=status))

    def assert_enqueued(
        self,
        task: Task,
        args: Mapping[str, Any] | None = None,
        *,
        count: int | None = 1,
        queue_name: str | None = None,
        priority: int | None = None,
        status: Status | Collection[Status] = WAITING,
    ) -> list[TaskRecord]:
        """As `asyncqueue.testing.assert_enqueued`."""
        __tracebackhide__ = True
        return self.call(
            lambda queue: assertions.assert_enqueued(
                queue, task, args, count=count, queue_name=queue_name, priority=priority, status=status
            )
        )

    def assert_not_enqueued(
        self,
        task: Task,
        args: Mapping[str, Any] | None = None,
        *,
        queue_name: str | None = None,
        priority: int | None = None,
        status: Status | Collection[Status] = WAITING,
    ) -> None:
        """As `asyncqueue.testing.assert_not_enqueued`."""
        __tracebackhide__ = True
        self.call(
            lambda queue: assertions.assert_not_enqueued(
                queue, task, args, queue_name=queue_name, priority=priority, status=status
            )
        )


def _require_no_loop(what: str, instead: str) -> None:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise ConfigurationError(f"{what} is for code that is not async, and an event loop runs here: use {instead}")
