"""Eager mode: enqueue() runs the task at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any
from uuid import UUID

import anyio

from asyncqueue.backoff import Backoff
from asyncqueue.default import instead_of_the_default
from asyncqueue.errors import ConfigurationError, DatabaseError, TaskFailed
from asyncqueue.graphs import named
from asyncqueue.handle import TaskHandle
from asyncqueue.model import NewTask, Status, TaskRecord
from asyncqueue.queue import Queue
from asyncqueue.requests import Placement, Task, TaskRequest, check_max_attempts
from asyncqueue.rows import Rows
from asyncqueue.running.application import Application
from asyncqueue.running.run import current_run
from asyncqueue.settings import Settings
from asyncqueue.testing.opened import opened, require_asyncio
from asyncqueue.testing.running import bring_next_forward, limit_of
from asyncqueue.testing.work import ALONE, Witness, application_of, capturing, within
from asyncqueue.worker import Worker

#: So many tasks may each be enqueued by the one before: more is surely one that enqueues itself for later.
_DEPTH = 100
#: Seconds after which a caller looks at its tasks though one of them waits for tasks of its own.
_ANYWAY = 1.0


@asynccontextmanager
async def eager(
    *,
    timeout: float | None = 10.0,
    retries: bool = False,
    raise_on_failure: bool = True,
    application: Application | None = None,
    settings: Settings | None = None,
) -> AsyncIterator[EagerQueue]:
    """A queue in memory as `memory_queue` makes it, in which `enqueue()` runs the task before it returns.

    A worker runs it in this event loop, through everything that production has: arguments and results go through JSON
    and are validated, hooks are called, output is captured. Delays are ignored.

    Args:
        timeout: seconds for the tasks of one call; None for no limit.
        retries: make the further attempts of a task that is declared to have some, without their delays. Else the
            first failure is final.
        raise_on_failure: whether `enqueue()` raises what the task raised. Else `handle.result()` raises TaskFailed.
        application: hooks and the allow rule; as the settings have them where it is left out.
        settings: as in `memory_queue`.

    `enqueue()` then also raises:
        the exception of the task; TaskFailed where only its text is known, as of a task in a process of its own.
        QueueNotEmpty: a TimeoutError; the tasks had not ended in time, and are cancelled.
        ConfigurationError: `connection=`, because in memory there is no transaction of the caller's; tasks that enqueue
            each other without end.
    """
    require_asyncio("eager()")
    queue = EagerQueue(
        timeout=limit_of(timeout),
        retries=retries,
        raise_on_failure=raise_on_failure,
        application=application,
        settings=settings,
    )
    async with queue:
        with instead_of_the_default(queue):
            yield queue


class EagerQueue(Queue):
    """What `eager` makes: a queue in memory that runs what is enqueued."""

    def __init__(
        self,
        *,
        timeout: float | None,
        retries: bool,
        raise_on_failure: bool,
        application: Application | None,
        settings: Settings | None,
    ) -> None:
        super().__init__("sqlite://", settings=settings)
        self._timeout = timeout
        self._retries = retries
        if not retries:
            self._rows = _Once(self.settings.max_args_size, lambda: True)
        self._raise = raise_on_failure
        self._witness = Witness()
        self._application = self._witness.around(application or application_of(self.settings))
        # A task that enqueues another one waits for it in a place of its own.
        self._work_settings = self.settings.model_copy(update={**ALONE, "concurrency": 10 * _DEPTH})
        self._worker: Worker | None = None
        self._working: asyncio.Task[None] | None = None
        self._callers = 0
        self._depths: dict[UUID, int] = {}
        # The tasks that wait for others which they have enqueued, each with what is set when such a wait is over.
        self._nested: dict[UUID, anyio.Event] = {}

    async def enqueue(self, task: Task, args: Mapping[str, Any] | None = None, **options: Any) -> TaskHandle:
        """As `Queue.enqueue`, and runs the task; see `eager`."""
        depth = self._depth()
        _check_after(options.get("after"))
        async with opened(self):
            handle = await super().enqueue(task, args, **self._options(options))
        await self._run([handle], depth)
        return handle

    async def enqueue_many(
        self, tasks: Iterable[tuple[Task, Mapping[str, Any] | None] | TaskRequest], **options: Any
    ) -> list[TaskHandle]:
        """As `Queue.enqueue_many`, and runs the tasks; of several that failed the first one's exception is raised."""
        depth = self._depth()
        some = list(tasks)
        _check_after(options.get("after"), *(each.after for each in some if isinstance(each, TaskRequest)))
        async with opened(self):
            handles = await super().enqueue_many(some, **self._options(options))
        await self._run(handles, depth)
        return handles

    def _options(self, options: dict[str, Any]) -> dict[str, Any]:
        if options.pop("connection", None) is not None:
            raise ConfigurationError(
                "connection= means the caller's own transaction, and an eager queue is in memory: test such code with "
                "a queue on the database it uses"
            )
        if self._retries:
            return options
        check_max_attempts(options.get("max_attempts"))
        return {**options, "max_attempts": 1}

    def _depth(self) -> int:
        """How many tasks wait for what is enqueued now."""
        run = current_run.get()
        depth = 0 if run is None else self._depths.get(run.claimed.id, 0) + 1
        if depth > _DEPTH:
            raise ConfigurationError(
                f"{_DEPTH} tasks wait for each other here, because each has enqueued the next one. Eager mode ignores "
                "delays, so a task that enqueues itself for later never ends: test it with memory_queue"
            )
        return depth

    async def _run(self, handles: Sequence[TaskHandle], depth: int) -> None:
        """Work until these have ended. Raises what the first one of them that failed has raised."""
        ids = [handle.id for handle in handles]
        self._depths |= dict.fromkeys(ids, depth)
        try:
            async with opened(self), within(self, self._timeout, "a task in eager mode"):
                with capturing(), self._noted():
                    records = await self._end(ids)
            raised = [self._witness.raised.pop(task_id, None) for task_id in ids]
        except BaseException:
            # Nobody waits for them any more, and the worker of the next call would take them up.
            with anyio.CancelScope(shield=True), suppress(DatabaseError):
                await self.cancel(*ids)
            raise
        finally:
            for task_id in ids:
                del self._depths[task_id]
        if self._raise:
            self._raise_first(records, dict(zip(ids, raised, strict=True)))

    async def _end(self, ids: Sequence[UUID]) -> list[TaskRecord]:
        working = self._work()
        self._callers += 1
        try:
            polls = Backoff(0.001, 0.05)
            while True:
                records = await self.backend.get(ids)
                if all(Status(record.status).ended for record in records):
                    return records
                if working.done():
                    working.result()
                    raise AssertionError("unreachable: the worker ends when nobody waits for it, or with an error")
                if any(record.status == Status.SCHEDULED for record in records):
                    await bring_next_forward(self)
                await self._pause(ids, polls)
        finally:
            self._callers -= 1
            if not self._callers:
                await self._rest()

    @contextmanager
    def _noted(self) -> Iterator[None]:
        """Note that the task which runs here, if one does, waits for others."""
        run = current_run.get()
        if run is None:
            yield
            return
        over = self._nested[run.claimed.id] = anyio.Event()
        try:
            yield
        finally:
            over.set()
            if self._nested.get(run.claimed.id) is over:
                del self._nested[run.claimed.id]

    async def _pause(self, ids: Sequence[UUID], polls: Backoff) -> None:
        """Wait before the next look at these: of tasks that wait for each other only the innermost can have ended."""
        inner = next((self._nested[task_id] for task_id in ids if task_id in self._nested), None)
        if inner is None:
            await anyio.sleep(polls.next())
            return
        with anyio.move_on_after(_ANYWAY):
            await inner.wait()
        polls.reset()

    def _work(self) -> asyncio.Task[None]:
        """One worker for all callers of the moment: of two, each could take what the other's caller waits for."""
        if self._working is None or self._worker is None:
            self._worker = Worker(self, settings=self._work_settings, application=self._application)
            self._working = asyncio.get_running_loop().create_task(self._worker.run(), name="asyncqueue eager")
        return self._working

    async def _rest(self) -> None:
        """End the worker. Nothing is left to it unless its callers gave up: that is stopped at once."""
        worker, working = self._worker, self._working
        self._worker = self._working = None
        if worker is not None and working is not None:
            worker.stop()
            worker.stop()
            with anyio.CancelScope(shield=True):
                await asyncio.wait([working])

    @staticmethod
    def _raise_first(records: Iterable[TaskRecord], raised: Mapping[UUID, BaseException | None]) -> None:
        failed = {record.id: record for record in records if record.status == Status.FAILED}
        for task_id, error in raised.items():
            if task_id in failed:
                # SystemExit, CancelledError and their like would end the test, not fail it.
                if isinstance(error, Exception):
                    raise error
                raise TaskFailed(task_id, failed[task_id].error or "") from error


class _Once(Rows):
    """Makes rows with one attempt. Not of changed requests: others may name those in `after`."""

    def row(self, task: Task, args: Mapping[str, Any] | None, placement: Placement) -> NewTask:
        return super().row(task, args, placement)._replace(max_attempts=1)


def _check_after(*afters: Any) -> None:
    """Raise ConfigurationError for a task that is to run after the one which waits for it here."""
    run = current_run.get()
    if run is None:
        return
    own = run.claimed.id
    texts = (own.hex, str(own))
    if any(getattr(each, "id", each) in (own, *texts) for after in afters for each in named(after)):
        raise ConfigurationError(
            "in eager mode enqueue() returns when the task has run, so that cannot be one to run after its caller: "
            "test that with memory_queue"
        )
