"""The queue as an application sees it: enqueue, look, steer."""

from __future__ import annotations

import builtins
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from types import TracebackType
from typing import Any, Self
from uuid import UUID
from zoneinfo import ZoneInfo

import anyio

from asyncqueue.backends.base import Backend, Change, Options, TaskFilter
from asyncqueue.backends.urls import backend_for
from asyncqueue.backoff import Backoff
from asyncqueue.batcher import Batcher
from asyncqueue.errors import ConfigurationError, DatabaseUnavailable, TaskNotFound
from asyncqueue.handle import TaskHandle, result_type_of
from asyncqueue.ids import new_id
from asyncqueue.model import NewTask, Status, TaskCount, TaskRecord
from asyncqueue.settings import Settings
from asyncqueue.tasks import encode_args, path_of

Task = str | Callable[..., Any]

_CLEANUP_BATCH = 1000


class Queue(AbstractAsyncContextManager["Queue"]):
    """A task table in a database.

    Use it as an async context manager, or call `open` and `close`::

        async with Queue("postgresql://user@localhost/app") as queue:
            handle = await queue.enqueue("app.tasks.send_mail", {"to": "a@example.org"})
            print(await handle.result(timeout=10))

    One queue serves any number of concurrent callers of one event loop.

    Args:
        url: the database; what the settings say where it is left out.
        settings: everything else; read from the environment and pyproject.toml where it is left out.
    """

    def __init__(self, url: str | None = None, *, settings: Settings | None = None) -> None:
        if settings is None:
            settings = Settings() if url is None else Settings(database_url=url)
        elif url is not None:
            settings = settings.model_copy(update={"database_url": url})
        self.settings = settings
        self.backend: Backend = backend_for(settings.database_url, options_of(settings))
        self._batcher = Batcher(self._write)

    async def open(self) -> Self:
        """Connect and look at the table; an embedded database gets its table now if it has none.

        Raises DatabaseUnavailable, UnsupportedServer, SchemaError.
        """
        try:
            await self.backend.open()
            if self.backend.shape is None and self.backend.capabilities.embedded:
                await self.backend.migrate()
        except BaseException:
            await self.close()
            raise
        return self

    async def close(self) -> None:
        """Close every connection. Safe to call twice."""
        with anyio.CancelScope(shield=True):
            await self.backend.close()

    async def __aenter__(self) -> Self:
        return await self.open()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    # -- enqueueing

    async def enqueue(self, task: Task, args: Mapping[str, Any] | None = None, *, connection: Any = None) -> TaskHandle:
        """Enqueue one task and return when it is committed.

        Calls that run at the same time share one INSERT.

        Args:
            task: a function, best one declared with `@task`, or the dotted path of one.
            args: its keyword arguments, JSON values or what pydantic can turn into them.
            connection: an open asyncpg, aiomysql or aiosqlite connection to the same database. The row then belongs
                to the caller's transaction: it exists if and when that commits.

        Raises:
            InvalidTask: a task or arguments that cannot be stored (InvalidArguments is also a TypeError).
            DatabaseUnavailable: no database within `connect_timeout` seconds.
        """
        new = self._new(task, args)
        if connection is None:
            await self._batcher.add(new)
        else:
            await self.backend.enqueue([new], connection=connection)
        return TaskHandle(self, new.id, result_type_of(task))

    async def enqueue_many(
        self, tasks: Iterable[tuple[Task, Mapping[str, Any] | None]], *, connection: Any = None
    ) -> builtins.list[TaskHandle]:
        """Enqueue all of these or none, in this order, and return when they are committed.

        Raises what `enqueue` raises.
        """
        pairs = builtins.list(tasks)
        rows = [self._new(task, args) for task, args in pairs]
        if connection is None:
            await self._write(rows)
        else:
            await self.backend.enqueue(rows, connection=connection)
        return [TaskHandle(self, row.id, result_type_of(task)) for row, (task, _) in zip(rows, pairs, strict=True)]

    # -- looking

    def handle(self, task_id: UUID) -> TaskHandle:
        """A handle on a task by its id, without asking the database."""
        return TaskHandle(self, task_id)

    async def get(self, task_id: UUID) -> TaskRecord:
        """Read one task. Raises TaskNotFound."""
        found = await self.backend.get([task_id])
        if not found:
            raise TaskNotFound(task_id, f"there is no task {task_id}")
        return found[0]

    async def list(
        self,
        *,
        status: Status | Collection[Status] | None = None,
        task: str | None = None,
        limit: int = 100,
        offset: int = 0,
    ) -> builtins.list[TaskRecord]:
        """Read tasks, the latest changed first, all of them or those in a status or of a dotted path."""
        return await self.backend.find(_filter(status, task), limit=limit, offset=offset)

    async def count(self, *, status: Status | Collection[Status] | None = None, task: str | None = None) -> int:
        """Count tasks, all of them or those in a status or of a dotted path."""
        return await self.backend.count(_filter(status, task))

    async def stats(self) -> builtins.list[TaskCount]:
        """Count tasks by dotted path and status. Reads the whole table once."""
        return await self.backend.counts()

    # -- steering

    async def cancel(self, *task_ids: UUID) -> set[UUID]:
        """Cancel tasks that have not ended. Returns the ids of those it cancelled.

        A running one is stopped by its worker within a heartbeat.
        """
        return await self.backend.cancel(task_ids) if task_ids else set()

    async def requeue(self, *task_ids: UUID) -> set[UUID]:
        """Queue tasks again that have ended, at the end of the queue. Returns the ids of those it queued."""
        return await self.backend.requeue(task_ids) if task_ids else set()

    async def cleanup(
        self,
        *,
        older_than: timedelta,
        statuses: Collection[Status] = (Status.COMPLETED, Status.FAILED),
    ) -> int:
        """Delete ended tasks that have not changed for `older_than`, in small batches. Returns how many.

        Raises ConfigurationError for a status that is not an end.
        """
        wrong = [status.name.lower() for status in statuses if not status.ended]
        if wrong:
            raise ConfigurationError(
                f"cleanup deletes ended tasks only (completed, failed, cancelled), not {', '.join(wrong)}"
            )
        deleted = 0
        while True:
            batch = await self.backend.cleanup(
                older_than=older_than.total_seconds(), statuses=statuses, limit=_CLEANUP_BATCH
            )
            deleted += batch
            if batch < _CLEANUP_BATCH:
                return deleted

    # -- schema

    async def pending(self, *, indexes_only: bool = False) -> builtins.list[Change]:
        """The changes `migrate` would make now."""
        return await self.backend.pending(indexes_only=indexes_only)

    async def migrate(self, *, indexes_only: bool = False) -> builtins.list[Change]:
        """Create the task table where there is none, and the indexes that claims want. Returns what was done.

        Raises TableMissing with `indexes_only` where there is no table.
        """
        return await self.backend.migrate(indexes_only=indexes_only)

    # -- inside

    def _new(self, task: Task, args: Mapping[str, Any] | None) -> NewTask:
        return NewTask(new_id(), path_of(task), encode_args(args, self.settings.max_args_size))

    async def _write(self, rows: Sequence[NewTask]) -> None:
        """Insert rows, waiting out an outage shorter than the connect timeout: repetitions are harmless here."""
        delays = Backoff(0.05, 1.0)
        give_up_at = time.monotonic() + self.settings.connect_timeout
        while True:
            try:
                return await self.backend.enqueue(rows)
            except DatabaseUnavailable:
                delay = delays.next()
                if time.monotonic() + delay > give_up_at:
                    raise
                await anyio.sleep(delay)


def options_of(settings: Settings) -> Options:
    """What of the settings a backend needs."""
    return Options(
        table=settings.table,
        time_zone=ZoneInfo(settings.time_zone),
        connect_timeout=settings.connect_timeout,
        statement_timeout=settings.statement_timeout,
        notify=settings.notify,
    )


def _filter(status: Status | Collection[Status] | None, task: str | None) -> TaskFilter:
    statuses = () if status is None else (status,) if isinstance(status, Status) else tuple(status)
    return TaskFilter(statuses, task)
