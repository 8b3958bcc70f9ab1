"""How many who wait for tasks share one look at the table."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncGenerator, Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from asyncqueue import background
from asyncqueue.backends.base import Backend
from asyncqueue.backoff import Backoff
from asyncqueue.errors import DatabaseUnavailable, TaskNotFound
from asyncqueue.model import ENDED, TaskRecord
from asyncqueue.output import OutputReader

#: Seconds between two looks, at least and at most, and how many times as long as one takes.
_SHORTEST, _LONGEST, _TIMES_LOOK = 0.005, 1.0, 10
#: And at most where output is read: soon another attempt may write over it.
_LONGEST_READING = 0.25
#: Rows that one statement looks at, and rows that one reads whole.
_LOOKED_AT, _READ = 1000, 100


class Waiting:
    """Waits for tasks to end, for any number of callers of one event loop.

    A look asks for the states of all tasks that somebody waits for, in one statement, and reads once for each stream
    that waits for more. It is made at once for whoever comes, then after growing pauses, and sooner where the database
    says that something has ended: PostgreSQL by a notification, SQLite by its count of commits. The task that looks
    lives only while somebody waits.

    Args:
        backend: the database.
        patience: seconds for which it may be away before those who wait are told.
    """

    def __init__(self, backend: Backend, patience: float) -> None:
        self._backend = backend
        self._patience = patience
        self._waiters: defaultdict[UUID, set[asyncio.Future[TaskRecord]]] = defaultdict(set)
        self._readings = 0
        self._readers: dict[OutputReader, asyncio.Future[str | None]] = {}
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
        """Yield the rows of tasks as they end, each once. Raises what `end` raises, when it has."""
        futures = {self._register(task_id): task_id for task_id in dict.fromkeys(ids)}
        left = set(futures)
        try:
            while left:
                done, left = await asyncio.wait(left, return_when=asyncio.FIRST_COMPLETED)
                good = [future for future in done if future.exception() is None]
                for record in sorted((future.result() for future in good), key=lambda record: record.modified):
                    yield record
                for future in done:
                    future.result()
        finally:
            for future, task_id in futures.items():
                self._forget(task_id, future)

    @contextmanager
    def reading(self) -> Iterator[None]:
        """While somebody reads a stream, also between two of its pieces: what wakes a look is kept meanwhile."""
        self._readings += 1
        try:
            yield
        finally:
            self._readings -= 1
            self._end_if_alone()

    async def piece(self, reader: OutputReader) -> str | None:
        """Return what this reader reads next, as soon as there is something; None if its task has ended without more.

        Call it while `reading`. Raises what `end` raises.
        """
        future: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
        self._readers[reader] = future
        self._begin()
        self._come.set()
        try:
            return await future
        finally:
            del self._readers[reader]
            _see(future)

    def close(self) -> None:
        """End every wait with DatabaseUnavailable."""
        self._fail(DatabaseUnavailable("the queue was closed while somebody waited for its tasks"))
        if self._looking is not None:
            background.cancel(self._looking)

    def _register(self, task_id: UUID) -> asyncio.Future[TaskRecord]:
        future: asyncio.Future[TaskRecord] = asyncio.get_running_loop().create_future()
        self._waiters[task_id].add(future)
        self._begin()
        self._come.set()
        return future

    def _forget(self, task_id: UUID, future: asyncio.Future[TaskRecord]) -> None:
        _see(future)
        self._waiters[task_id].discard(future)
        if not self._waiters[task_id]:
            del self._waiters[task_id]
            self._end_if_alone()

    def _end_if_alone(self) -> None:
        if not self._waiters and not self._readings:
            self._come.set()

    def _begin(self) -> None:
        if self._looking is None or self._looking.done():
            self._looking = background.create_task(self._look_on(), name="asyncqueue wait")

    async def _look_on(self) -> None:
        """Look as long as somebody waits."""
        hint: asyncio.Task[None] | None = None
        well = time.monotonic()
        self._delays.reset()
        try:
            while self._waiters or self._readings:
                self._come.clear()
                began = time.monotonic()
                try:
                    ended = await self._look()
                    found = await self._read_on() or ended
                except Exception as error:  # noqa: BLE001 - whatever it is, those who wait are told
                    if not isinstance(error, DatabaseUnavailable) or time.monotonic() - well > self._patience:
                        self._fail(error)
                    found = False
                else:
                    well = time.monotonic()
                if found:
                    self._delays.reset()
                # However often the database has news: looking may take a tenth of the time.
                await asyncio.sleep(max(_SHORTEST, _TIMES_LOOK * (time.monotonic() - began)))
                if hint is None:
                    pause = min(self._delays.next(), _LONGEST_READING if self._readers else _LONGEST)
                    hint = background.create_task(self._backend.wait_for_ends(pause), name="asyncqueue wait")
                come = background.create_task(self._come.wait(), name="asyncqueue wait")
                try:
                    await asyncio.wait({hint, come}, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    background.cancel(come)
                if hint.done():
                    hint = None
        finally:
            self._looking = None
            if hint is not None:
                background.cancel(hint)

    async def _look(self) -> bool:
        """Hand over what has ended. Returns whether anything has."""
        ids = list(self._waiters)
        ended: list[UUID] = []
        missing: list[UUID] = []
        for start in range(0, len(ids), _LOOKED_AT):
            part = ids[start : start + _LOOKED_AT]
            rows = (await self._backend.observe(part)).rows
            ended += [task_id for task_id in part if task_id in rows and rows[task_id][0] in ENDED]
            missing += [task_id for task_id in part if task_id not in rows]
        for start in range(0, len(ended), _READ):
            for record in await self._backend.get(ended[start : start + _READ]):
                if record.status in ENDED:
                    for future in self._waiters.get(record.id, ()):
                        if not future.done():
                            future.set_result(record)
        for task_id in missing:  # last: whoever watches several is given first what has ended
            self._raise(task_id, TaskNotFound(task_id, f"there is no task {task_id}"))
        return bool(ended)

    async def _read_on(self) -> bool:
        """Hand over what those who stream have not read yet. Returns whether there was anything."""
        found = False
        for reader, future in list(self._readers.items()):
            if future.done():
                continue
            try:
                text = await reader.read(self._backend)
            except TaskNotFound as error:
                if not future.done():
                    future.set_exception(error)
                continue
            if text is not None or reader.ended:
                found = True
                if not future.done():
                    future.set_result(text)
        return found

    def _raise(self, task_id: UUID, error: Exception) -> None:
        for future in self._waiters.get(task_id, ()):
            if not future.done():
                future.set_exception(error)

    def _fail(self, error: Exception) -> None:
        for task_id in list(self._waiters):
            self._raise(task_id, error)
        for future in self._readers.values():
            if not future.done():
                future.set_exception(error)


def _see(future: asyncio.Future[Any]) -> None:
    """Nobody waits for this any more: what it would raise is not to be complained of as never seen."""
    if not future.done():
        future.cancel()
    elif not future.cancelled():
        future.exception()
