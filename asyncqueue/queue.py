"""The queue as an application sees it: enqueue, look, steer."""

from __future__ import annotations

import asyncio
import builtins
from collections.abc import AsyncIterator, Collection, Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, Self, Unpack
from uuid import UUID
from zoneinfo import ZoneInfo

import anyio

from asyncqueue import django_settings
from asyncqueue.backends.base import REMEDY, Backend, Change, Options
from asyncqueue.backends.common.dependencies import resolve_all
from asyncqueue.backends.registry import backend_for
from asyncqueue.checks import check_count, check_timeout
from asyncqueue.errors import (
    AccessDenied,
    ConfigurationError,
    InvalidTask,
    ResultTimeout,
    TableMissing,
    TaskNotFound,
)
from asyncqueue.handle import TaskHandle
from asyncqueue.ids import id_of, ids_of
from asyncqueue.limits import LimitState
from asyncqueue.loggers import get_logger
from asyncqueue.model import (
    DEFAULT_QUEUE,
    Attempt,
    FailureGroup,
    OnConflict,
    OnFailure,
    PeriodicState,
    QueueState,
    Status,
    TaskCount,
    TaskRecord,
    WorkerState,
)
from asyncqueue.patience import patiently
from asyncqueue.periodic import listed, periodic_state
from asyncqueue.preceding import Predecessors
from asyncqueue.queues import check_queue_name
from asyncqueue.requests import Named, Placement, Task, TaskRequest
from asyncqueue.results import result_type_of
from asyncqueue.retention import ages_of, clean
from asyncqueue.rows import Rows
from asyncqueue.selection import Selection, filter_of
from asyncqueue.settings import Origin, Settings
from asyncqueue.urls import file_of
from asyncqueue.waiting import Waiting
from asyncqueue.writing import Writer

logger = get_logger("asyncqueue.queue")

_NOT_OPEN = (
    "the queue is not open: use `async with queue`, or `await queue.open()` before its first use and "
    "`await queue.close()` at the end"
)
_CLOSED = "the queue was closed: open it again with `await queue.open()`, or use it inside of `async with queue` only"
_OTHER_LOOP = (
    "the queue is open in another event loop, which alone may use it: open a Queue in this one, or call "
    "asyncqueue.enqueue(), which has a queue for each event loop. From a thread, "
    "asyncio.run_coroutine_threadsafe(..., loop) calls it in its own"
)
_NO_LOOP = "a queue needs the event loop of asyncio, and none runs here (asyncqueue does not run on trio)"
#: The file that was said to be used.
_told: builtins.list[str] = []


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
        elif not isinstance(settings, Settings):
            raise ConfigurationError(f"settings= must be asyncqueue.Settings, not {type(settings).__name__}")
        elif url is not None:
            settings = settings.at(url)
        self.settings = settings
        #: The event loop in which it is open.
        self._loop: asyncio.AbstractEventLoop | None = None
        self._opened = self._closed = False
        self._rows = Rows(settings.max_args_size, lambda: _has_limits(self.backend))
        self._connect()

    def _connect(self) -> None:
        """Make everything that connections are opened for."""
        settings = self.settings
        self.backend: Backend = backend_for(settings.database_url, options_of(settings))
        self._waiting = Waiting(self.backend, settings.connect_timeout)
        self._writer = Writer(self.backend, settings.connect_timeout)

    async def open(self, *, create: bool = True) -> Self:
        """Connect and look at the table. Waits up to `connect_timeout` seconds for a database that is away.

        An embedded database gets its table now if it has none, unless that is a Django project's.

        Args:
            create: False to raise TableMissing instead, and to make no file.

        Raises:
            DatabaseUnavailable: no database within `connect_timeout` seconds; AccessDenied, at once: it refuses the
                user, the password or the database's name.
            UnsupportedServer: it cannot claim safely.
            SchemaError: not the task table; also one that has lost what `asyncqueue migrate` made, because something
                has made it anew: that command heals it.
            ConfigurationError: it is open in another event loop, or none of asyncio runs.
        """
        loop = _running_loop()
        if loop is None:
            raise ConfigurationError(_NO_LOOP)
        if self._loop not in (None, loop) and not self._loop.is_closed():
            raise self._not_here(loop)
        if self._opened and self._loop is not loop:
            self._connect()
        self._loop, self._opened, self._closed = loop, True, False
        try:
            await self._reach()
            if self.backend.defect is not None:
                raise self.backend.defect
            missing = self.backend.shape is None and self.backend.capabilities.embedded
            if missing and self.settings.of_project:
                raise no_table(self.settings)
            if missing and not create:
                raise TableMissing(_nothing_there(self.settings))
            if create:
                tell_if_embedded(self.settings)
            if missing:
                await self.backend.migrate()
        except BaseException:
            await self.close()
            self._closed = False
            raise
        return self

    async def _reach(self) -> None:
        """Open the backend, as soon as there is a database."""
        seconds = self.settings.connect_timeout
        # A file is there or not; a lock on it is waited for below.
        embedded = self.backend.capabilities.embedded
        await patiently(
            self.backend.open,
            seconds,
            hopeless=lambda error: embedded or isinstance(error, AccessDenied),
            waiting=lambda error: logger.warning("%s; trying for %g s", error, seconds),
        )

    async def close(self) -> None:
        """Close every connection. Safe to call twice.

        Raises ConfigurationError in another event loop than the one in which it is open.
        """
        loop, here = self._loop, _running_loop()
        if loop is None:
            return
        if loop is not here and not loop.is_closed():
            raise self._not_here(here)
        self._loop, self._closed = None, True
        if loop is not here:
            return  # what was open has ended with its loop
        self._waiting.close()
        with anyio.CancelScope(shield=True):
            await self.backend.close()

    def require_open(self, backend: Backend | None = None) -> None:
        """Raise ConfigurationError where it is not open, or open in another event loop than this.

        With `backend` also where it was closed and opened again since that was its backend.
        """
        loop = _running_loop()
        if self._loop is not loop or loop is None:
            raise self._not_here(loop)
        if backend is not None and backend is not self.backend:
            raise ConfigurationError("the queue was closed and opened again since this worker was made: make a new one")

    @property
    def waiting(self) -> Waiting:
        """How handles wait for the ends of their tasks."""
        self.require_open()
        return self._waiting

    @property
    def _here(self) -> Backend:
        """The backend, for a call in the event loop in which it is open."""
        if self._loop is not _running_loop() or self._loop is None:
            raise self._not_here(_running_loop())
        return self.backend

    def _not_here(self, loop: asyncio.AbstractEventLoop | None) -> ConfigurationError:
        """What a caller is told in an event loop in which it is not open."""
        if loop is None:
            return ConfigurationError(_NO_LOOP)
        if self._loop is not None and not self._loop.is_closed():
            return ConfigurationError(_OTHER_LOOP)
        return ConfigurationError(_CLOSED if self._closed or self._loop is not None else _NOT_OPEN)

    async def __aenter__(self) -> Self:
        return await self.open()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    # -- enqueueing

    async def enqueue(
        self,
        task: Task,
        args: Mapping[str, Any] | None = None,
        *,
        connection: Any = None,
        queue: str = DEFAULT_QUEUE,
        priority: int = 0,
        delay: float | timedelta | None = None,
        run_at: datetime | None = None,
        max_attempts: int | None = None,
        unique_key: str | None = None,
        unique_for: float | timedelta = 0.0,
        on_conflict: OnConflict = "return",
        limit_key: str | None = None,
        after: Named | Iterable[Named] | None = None,
        on_failure: OnFailure | None = None,
    ) -> TaskHandle:
        """Enqueue one task and return when it is committed.

        Calls that run at the same time share one INSERT.

        Args:
            task: a function, best one declared with `@task`, or the dotted path of one.
            args: its keyword arguments, JSON values or what pydantic can turn into them.
            connection: an open asyncpg, aiomysql or aiosqlite connection to the same database, in a transaction. The
                row then belongs to that: it exists if and when the caller commits. A connection that would commit the
                row by itself is refused.
            queue: the name of the queue it goes to. This and what follows needs a table that `asyncqueue migrate` has
                brought to level 1.
            priority: from -100 to 100; within a queue the higher one is claimed first.
            delay: seconds, or a timedelta, after which it may run, by the database's clock.
            run_at: an aware datetime from which on it may run; one in the past means now.
            max_attempts: how many times it is run at most, instead of what the function declares.
            unique_key: up to 255 characters. While a task with this key is queued, scheduled or running, no other is
                enqueued with it, by whomever.
            unique_for: seconds, or a timedelta, for which the key is held after that task has completed, too.
            on_conflict: what happens if the key is held: "return" returns a handle on the task that holds it, whose
                `created` is False; "raise" raises DuplicateTask; "replace" makes that task, if it is still scheduled,
                what this one would have been, and else is like "return".
            limit_key: which of the function's limits the task comes under, instead of what its `@task` says.
            after: tasks that are in the table, by their handles or ids (UUIDs or their texts): it runs when all of
                them have ended. They have to be committed, or part of the same transaction. It needs a migrated
                table, and has neither `delay` nor `run_at`.
            on_failure: what becomes of it if one of those fails, is cancelled, or is deleted before it has ended:
                "cancel", which is the default, cancels it at once, "run" runs it as if that had completed.

        Raises:
            DuplicateTask: the key is held, and `on_conflict` is "raise".
            InvalidTask: a task or arguments that cannot be stored (InvalidArguments is also a TypeError).
            ConfigurationError: options that mean nothing; `connection=` that is not open, or without a transaction.
            DatabaseReadOnly: `connection=` is in a transaction that may not write.
            MigrationRequired: options that the table cannot hold before `asyncqueue migrate`.
            DatabaseUnavailable: no database within `connect_timeout` seconds.
        """
        wanted = Placement.of(
            queue, priority, delay, run_at, max_attempts, unique_key, unique_for, on_conflict, limit_key
        )
        new = self._rows.new(task, args, wanted, (after, on_failure))
        self.require_open()
        await self._writer.declare(self._rows, connection)
        task_id = await self._writer.one(new, connection)
        return TaskHandle(self, task_id, result_type_of(task), created=task_id == new.id)

    async def enqueue_many(
        self,
        tasks: Iterable[tuple[Task, Mapping[str, Any] | None] | TaskRequest],
        *,
        connection: Any = None,
        queue: str = DEFAULT_QUEUE,
        priority: int = 0,
        delay: float | timedelta | None = None,
        run_at: datetime | None = None,
        max_attempts: int | None = None,
        after: Named | Iterable[Named] | None = None,
        on_failure: OnFailure | None = None,
    ) -> builtins.list[TaskHandle]:
        """Enqueue all of these or none, in this order, and return when they are committed.

        Args:
            tasks: pairs of a task and its arguments, or `TaskRequest`s, which bring options of their own and may name
                each other in `after`; see `chain` and `group`.
            connection: as in `enqueue`.
            queue: for all of the pairs, like the options after it; see `enqueue`.
            priority: likewise.
            delay: likewise.
            run_at: likewise.
            max_attempts: likewise.
            after: likewise; it may also name `TaskRequest`s among `tasks`.
            on_failure: likewise.

        Raises what `enqueue` raises.
        """
        if not isinstance(tasks, Iterable):
            raise InvalidTask(f"enqueue_many takes several pairs or TaskRequests, not {type(tasks).__name__}")
        some = builtins.list(tasks)
        placement = Placement.of(queue, priority, delay, run_at, max_attempts)
        rows = self._rows.many(some, placement, (after, on_failure))
        self.require_open()
        await self._writer.declare(self._rows, connection)
        ids = await self._writer.many(rows, connection)
        return [
            TaskHandle(self, task_id, result_type_of(each[0]), created=task_id == row.id)
            for task_id, row, each in zip(ids, rows, some, strict=True)
        ]

    # -- looking

    def handle(self, task_id: UUID | str) -> TaskHandle:
        """A handle on a task by its id, without asking the database. Raises ConfigurationError for what is no id."""
        return TaskHandle(self, id_of(task_id))

    async def get(self, task_id: UUID | str) -> TaskRecord:
        """Read one task by its id, a UUID or the text of one. Raises TaskNotFound; ConfigurationError for no id."""
        key = id_of(task_id)
        found = await self._here.get([key])
        if not found:
            raise TaskNotFound(key, f"there is no task {key}")
        return found[0]

    async def watch(
        self, tasks: Iterable[TaskHandle | UUID | str], *, timeout: float | None = None
    ) -> AsyncIterator[TaskRecord]:
        """Yield the rows of tasks as they end, each once, until all of them have.

        However many wait in this way, or for a handle's `result`, they share one look at the table.

        Args:
            tasks: handles, or ids (UUIDs or their texts).
            timeout: seconds from one to the next, None for as long as it takes.

        Raises TaskNotFound for one that does not exist (any more), ResultTimeout.
        """
        timeout = check_timeout(timeout)
        ids = ids_of(tasks)
        ended: set[UUID] = set()
        ends = self.waiting.ends(ids)
        try:
            while len(ended) < len(set(ids)):
                record = None
                with anyio.move_on_after(timeout):
                    record = await anext(ends)
                if record is None:
                    left = next(task_id for task_id in ids if task_id not in ended)
                    raise ResultTimeout(left, f"no task has ended for {timeout:g} seconds; {left} goes on, for one")
                ended.add(record.id)
                yield record
        finally:
            await ends.aclose()

    async def list(self, *, limit: int = 100, offset: int = 0, **where: Unpack[Selection]) -> builtins.list[TaskRecord]:
        """Read tasks, the latest changed first: all of them, or those that a `Selection` describes.

        Raises MigrationRequired for a selection by queue or worker on a table that is not migrated.
        """
        limit, offset = check_count("limit", limit), check_count("offset", offset)
        return await self._here.find(filter_of(**where), limit=limit, offset=offset)

    async def count(self, **where: Unpack[Selection]) -> int:
        """Count tasks: all of them, or those that a `Selection` describes. Raises what `list` raises."""
        return await self._here.count(filter_of(**where))

    async def failures(self, *, limit: int = 100, **where: Unpack[Selection]) -> builtins.list[FailureGroup]:
        """Count failed tasks by dotted path and first line of the error, the most frequent first.

        `where` is a `Selection`, whose `status` does not matter. Raises what `list` raises.
        """
        return await self._here.failures(filter_of(**where), limit=check_count("limit", limit))

    async def stats(self) -> builtins.list[TaskCount]:
        """Count tasks by dotted path and status. Reads the whole table once."""
        return await self._here.counts()

    async def attempts(self, task_id: UUID | str) -> builtins.list[Attempt]:
        """What is kept of a task's attempts, the first one first: none if it ended in one, as most tasks do."""
        return await self._here.attempts(id_of(task_id))

    def predecessors(self, task_id: UUID | str) -> Predecessors:
        """What a task waits for or has waited for, in the order in which `after` named them.

        `await` makes a list of them, `async for` reads them in batches; in a running task, see
        `asyncqueue.predecessors`.
        """
        return Predecessors(self._here.dependencies, id_of(task_id))

    async def queues(self) -> builtins.list[QueueState]:
        """The queues that hold tasks which have not ended, or are paused, by name. Raises MigrationRequired."""
        return await self._here.queues()

    async def limits(self) -> builtins.list[LimitState]:
        """The limits that functions have declared, by name. Raises MigrationRequired."""
        return await self._here.limits.states()

    async def workers(self) -> builtins.list[WorkerState]:
        """The workers that run, or were lost within a day, the oldest first. Raises MigrationRequired."""
        return await self._here.workers()

    async def periodic(self) -> builtins.list[PeriodicState]:
        """The periodic tasks that workers have declared within ten minutes, by name. Raises MigrationRequired."""
        table = await self._here.periodic.read()
        ticks = listed(table)
        ids = [tick.last_task for tick in ticks if tick.last_task is not None]
        seen = (await self._here.observe(ids)).rows if ids else {}
        return [periodic_state(tick, table.now, seen) for tick in ticks]

    # -- steering

    async def cancel(self, *task_ids: UUID | str) -> set[UUID]:
        """Cancel tasks that have not ended. Returns the ids of those it cancelled.

        A running one is stopped by its worker within a heartbeat. What waits for one of these is cancelled with it, or
        goes on, as its `on_failure` has it; those are not returned.
        """
        if not task_ids:
            return set()
        cancelled = await self._here.cancel([id_of(each) for each in task_ids])
        await resolve_all(self._here, cancelled)
        return cancelled

    async def requeue(self, *task_ids: UUID | str) -> set[UUID]:
        """Queue tasks that have ended or are scheduled, at the end of the queue. Returns the ids of those it queued.

        Their attempts are counted anew. Raises OutcomeUnknown where the answer got lost: look at the tasks then,
        because what was queued again may have run already, and would run once more.
        """
        return await self._here.requeue([id_of(each) for each in task_ids]) if task_ids else set()

    async def pause(self, name: str) -> None:
        """Let no worker claim from this queue any more, from its next claim on; what runs goes on.

        Raises MigrationRequired; ConfigurationError for what cannot be a queue's name.
        """
        await self._here.pause(check_queue_name(name), paused=True)

    async def resume(self, name: str) -> None:
        """Let workers claim from this queue again. Raises what `pause` raises."""
        await self._here.pause(check_queue_name(name), paused=False)

    async def cleanup(
        self,
        *,
        older_than: timedelta | Mapping[Status, timedelta],
        statuses: Collection[Status] | None = None,
    ) -> int:
        """Delete ended tasks that have not changed for so long, in small batches. Returns how many.

        A completed one stays as long as it holds its unique key. Workers do it by themselves where `keep_completed`,
        `keep_failed` or `keep_cancelled` are set.

        Args:
            older_than: for how long; or that for each status, as in `{Status.COMPLETED: timedelta(days=7)}`.
            statuses: which ones, if `older_than` does not say it; completed and failed ones if left out.

        Raises ConfigurationError for a status that is not an end.
        """
        deleted, _ = await clean(self._here.retention, ages_of(older_than, statuses))
        return deleted

    # -- schema

    async def pending(
        self, *, indexes_only: bool = False, down: bool = False, notify: bool | None = None
    ) -> builtins.list[Change]:
        """The changes `migrate` would make now, in order."""
        return await self._here.pending(indexes_only=indexes_only, down=down, notify=notify)

    async def migrate(
        self, *, indexes_only: bool = False, down: bool = False, notify: bool | None = None
    ) -> builtins.list[Change]:
        """Create the task table where there is none, and bring it to level 1. Returns what was done.

        Args:
            indexes_only: nothing but the indexes that make claims on the table, of the level that it has, quick.
            down: take everything that asyncqueue has added away again.
            notify: on PostgreSQL with a trigger by which rows that Django inserts wake idle workers; None: as it was
                left by the last migration, and with it where there was none.

        Raises:
            TableMissing: with `indexes_only` or `down` where there is no table.
            SchemaError: with `down` while tasks are scheduled.
        """
        check_maker(self._here, self.settings)
        return await self._here.migrate(indexes_only=indexes_only, down=down, notify=notify)


def options_of(settings: Settings) -> Options:
    """What of the settings a backend needs."""
    return Options(
        table=settings.table,
        time_zone=ZoneInfo(settings.time_zone),
        connect_timeout=settings.connect_timeout,
        statement_timeout=settings.statement_timeout,
        remedy=_remedy(settings),
        notify=settings.notify,
    )


def check_maker(backend: Backend, settings: Settings) -> None:
    """Raise TableMissing where there is no task table, and a migration of the Django project is to make it."""
    if settings.of_project and _lacks_table(backend) and _project_makes_table():
        raise no_table(settings)


def made_by_project(backend: Backend, settings: Settings) -> bool:
    """Whether there is no task table, and the migrations of the Django project would make it in this database."""
    return settings.origin is Origin.DJANGO and _lacks_table(backend) and _project_makes_table()


def _lacks_table(backend: Backend) -> bool:
    return backend.shape is None and backend.defect is None


def no_table(settings: Settings) -> TableMissing:
    """The error for a table that is not there, with what makes it."""
    return TableMissing(f"there is no table {settings.table!r} in this database: {_remedy(settings)}")


def _remedy(settings: Settings) -> str:
    if not settings.of_project:
        return REMEDY
    if _project_makes_table():
        return "it is the Django project's: run `python manage.py migrate`"
    return (
        "add django_simple_queue to the Django project's INSTALLED_APPS and run `python manage.py migrate`, or create "
        "it with `asyncqueue migrate`"
    )


def _project_makes_table() -> bool:
    django = django_settings.project()
    return django is not None and django_settings.makes_table(django)


def _nothing_there(settings: Settings) -> str:
    file = file_of(settings.database_url)
    text = f"there is no task table {settings.table!r} in {file}: nothing has been enqueued there"
    if settings.origin in (Origin.EMBEDDED, Origin.PYPROJECT):
        return f"{text}. Say with --database-url or ASYNCQUEUE_DATABASE_URL which database is meant"
    return f"{text}. Look whether this is the right file and table; `asyncqueue migrate` makes the table"


def tell_if_embedded(settings: Settings) -> None:
    """Say loudly, once in a process, which file is used where no database was configured."""
    if settings.origin is Origin.EMBEDDED and not _told:
        file = file_of(settings.database_url)
        _told.append(file)
        logger.warning(
            "no database is configured: tasks are in the file %s. That is for a first try; set "
            "ASYNCQUEUE_DATABASE_URL, or database_url under [tool.asyncqueue] in pyproject.toml",
            file,
        )


def _running_loop() -> asyncio.AbstractEventLoop | None:
    """The event loop of asyncio that runs here; None in a thread without one, and under trio."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def _has_limits(backend: Backend) -> bool:
    return backend.shape is None or backend.shape.migrated
