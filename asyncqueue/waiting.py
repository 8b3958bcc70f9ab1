"""How many who wait for tasks share one look at the table."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncGenerator, Iterable, Iterator
from contextlib import contextmanager
from uuid import UUID

from asyncqueue.backends.base import Backend
from asyncqueue.backoff import Backoff
from asyncqueue.errors import DatabaseError, DatabaseUnavailable, TaskNotFound
from asyncqueue.model import ENDED, TaskRecord

#: Seconds between two looks, at least and at most, and how many times as long as one takes.
_SHORTEST, _LONGEST, _TIMES_LOOK = 0.005, 1.0, 10
#: Rows that one statement looks at, and rows that one reads whole.
_LOOKED_AT, _READ = 1000, 100


class Waiting:
    """Waits for tasks to end, for any number of callers of one event loop.

    A look asks for the states of all tasks that somebody waits for, in one statement. It is made at once for whoever
    comes, then after growing pauses, and sooner where the database says that something has ended: PostgreSQL by a
    notification, SQLite by its count of commits. The task that looks lives only while somebody waits.

    Args:
        backend: the database.
        patience: seconds for which it may be away before those who wait are told.
    """

    def __init__(self, backend: Backend, patience: float) -> None:
        self._backend = backend
        self._patience = patience
        self._waiters: defaultdict[UUID, set[asyncio.Future[TaskRecord]]] = defaultdict(set)
        self._readers = 0
        self._beat = asyncio.Event()
        self._come = asyncio.Event()
        self._delays = Backoff(0.02, _LONGEST, factor=1.5)
        self._looking: asyncio.Task[None] | None = None

    async def end(self, task_id: UUID) -> TaskRecord:
        """Return the row of a task when it has ended. Raises TaskNotFound, DatabaseError."""
        future = self._register(task_id)
        try:
            return await future
        finally:
            self._forget(task_id, future)

    async def ends(self, ids: Iterable[UUID]) -> AsyncGenerator[TaskRecord]:
        """Yield the rows of tasks as they end, each once. Raises what `end` raises."""
        futures = {self._register(task_id): task_id for task_id in dict.fromkeys(ids)}
        left = set(futures)
        try:
            while left:
                done, left = await asyncio.wait(left, return_when=asyncio.FIRST_COMPLETED)
                for record in sorted((future.result() for future in done), key=lambda record: record.modified):
                    yield record
        finally:
            for future, task_id in futures.items():
                self._forget(task_id, future)

    @contextmanager
    def reading(self) -> Iterator[None]:
        """While somebody reads what a task writes, who waits for `beat` between two looks of his own."""
        self._readers += 1
        self._begin()
        self._come.set()
        try:
            yield
        finally:
            self._readers -= 1
            self._end_if_alone()

    @property
    def beat(self) -> asyncio.Event:
        """Is set when it is time to read again, after a look that begins now."""
        self._begin()
        return self._beat

    def news(self) -> None:
        """Say that something was found that changes often: look more often for a while."""
        self._delays.reset()

    def close(self) -> None:
        """End every wait with DatabaseUnavailable."""
        self._fail(DatabaseUnavailable("the queue was closed while somebody waited for its tasks"))
        if self._looking is not None:
            self._looking.cancel()

    def _register(self, task_id: UUID) -> asyncio.Future[TaskRecord]:
        future: asyncio.Future[TaskRecord] = asyncio.get_running_loop().create_future()
        self._waiters[task_id].add(future)
        self._begin()
        self._come.set()
        return future

    def _forget(self, task_id: UUID, future: asyncio.Future[TaskRecord]) -> None:
        if future.done():
            if not future.cancelled():
                future.exception()  # seen, also by whoever does not ask for it any more
        else:
            future.cancel()
        self._waiters[task_id].discard(future)
        if not self._waiters[task_id]:
            del self._waiters[task_id]
            self._end_if_alone()

    def _end_if_alone(self) -> None:
        if not self._waiters and not self._readers:
            self._come.set()

    def _begin(self) -> None:
        if self._looking is None or self._looking.done():
            self._looking = asyncio.get_running_loop().create_task(self._look_on(), name="asyncqueue wait")

    async def _look_on(self) -> None:
        """Look as long as somebody waits."""
        hint: asyncio.Task[None] | None = None
        well = time.monotonic()
        self._delays.reset()
        try:
            while self._waiters or self._readers:
                self._come.clear()
                began = time.monotonic()
                try:
                    found = await self._look()
                except DatabaseError as error:
                    if not isinstance(error, DatabaseUnavailable) or time.monotonic() - well > self._patience:
                        self._fail(error)
                    found = False
                else:
                    well = time.monotonic()
                if found:
                    self._delays.reset()
                beat, self._beat = self._beat, asyncio.Event()
                beat.set()
                # However often the database has news: looking may take a tenth of the time.
                await asyncio.sleep(max(_SHORTEST, _TIMES_LOOK * (time.monotonic() - began)))
                if hint is None:
                    hint = asyncio.create_task(self._backend.wait_for_ends(self._delays.next()))
                come = asyncio.create_task(self._come.wait())
                try:
                    await asyncio.wait({hint, come}, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    come.cancel()
                if hint.done():
                    hint = None
        finally:
            self._looking = None
            self._beat.set()
            self._beat = asyncio.Event()
            if hint is not None:
                hint.cancel()

    async def _look(self) -> bool:
        """Hand over what has ended. Returns whether anything has."""
        ids = list(self._waiters)
        ended: list[UUID] = []
        for start in range(0, len(ids), _LOOKED_AT):
            part = ids[start : start + _LOOKED_AT]
            rows = (await self._backend.observe(part)).rows
            ended += [task_id for task_id in part if task_id in rows and rows[task_id][0] in ENDED]
            for task_id in part:
                if task_id not in rows:
                    self._raise(task_id, TaskNotFound(task_id, f"there is no task {task_id}"))
        for start in range(0, len(ended), _READ):
            for record in await self._backend.get(ended[start : start + _READ]):
                if record.status in ENDED:
                    for future in self._waiters.get(record.id, ()):
                        if not future.done():
                            future.set_result(record)
        return bool(ended)

    def _raise(self, task_id: UUID, error: Exception) -> None:
        for future in self._waiters.get(task_id, ()):
            if not future.done():
                future.set_exception(error)

    def _fail(self, error: Exception) -> None:
        for task_id in list(self._waiters):
            self._raise(task_id, error)
