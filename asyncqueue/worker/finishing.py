"""Writes the ends of runs, all that have ended since the last write at once."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

import anyio

from asyncqueue.backends.base import Backend
from asyncqueue.backoff import Backoff
from asyncqueue.errors import DatabaseUnavailable, DataRejected
from asyncqueue.model import Finish, Release, Status
from asyncqueue.running.runner import RunResult
from asyncqueue.worker.ledger import Held, Ledger

logger = logging.getLogger("asyncqueue.worker")

#: Rows in one statement.
_BATCH = 500


@dataclass(slots=True)
class Ended:
    """A claim whose run is over: to be finished with `result`, or to be released where there is none."""

    held: Held
    result: RunResult | None


class Finisher:
    """The finish loop.

    There is no timer: while one write is under way what ends meanwhile gathers, and is the next batch. Through an
    outage of the database everything is kept and tried again; `unwritten` tells the claim loop when to stop.

    Args:
        backend: where the ends go.
        ledger: the claims; an end that was written leaves it.
        on_written: called with each end that stands in the table.
        on_lost: called with each whose claim belonged to somebody else.
    """

    def __init__(
        self,
        backend: Backend,
        ledger: Ledger,
        *,
        on_written: Callable[[Ended], None],
        on_lost: Callable[[Ended], None],
    ) -> None:
        self._backend = backend
        self._ledger = ledger
        self._on_written = on_written
        self._on_lost = on_lost
        self._waiting: deque[Ended] = deque()
        self._batch: list[Ended] = []
        self._news = anyio.Event()
        self._idle = anyio.Event()

    @property
    def unwritten(self) -> int:
        """How many ends are not in the table yet."""
        return len(self._waiting) + len(self._batch)

    def put(self, ended: Ended) -> None:
        """Hand over an end."""
        self._waiting.append(ended)
        self._news.set()

    async def wait_written(self) -> None:
        """Return when everything handed over so far has been written."""
        while self.unwritten:
            await self._idle.wait()

    async def run(self) -> None:
        """Write for ever."""
        delays = Backoff(0.05, 2.0)
        while True:
            if not self._waiting and not self._batch:
                self._idle.set()
                self._idle = anyio.Event()
                self._news = anyio.Event()
                await self._news.wait()
            while self._waiting and len(self._batch) < _BATCH:
                self._batch.append(self._waiting.popleft())
            try:
                async with self._ledger.writing:
                    await self._ledger.settle(ended.held for ended in self._batch)
                    await self._write(self._batch)
            except DatabaseUnavailable as error:
                delay = delays.next()
                logger.warning("cannot write %d results, again in %.1f s: %s", self.unwritten, delay, error)
                await anyio.sleep(delay)
            else:
                self._batch = []
                delays.reset()

    async def _write(self, batch: list[Ended]) -> None:
        releases = [ended for ended in batch if ended.result is None]
        if releases:
            await self._backend.release([_release(ended.held) for ended in releases])
        finishes = [ended for ended in batch if ended.result is not None]
        written: set[UUID] = set()
        if finishes:
            try:
                written = await self._backend.finish([_finish(ended) for ended in finishes])
            except DataRejected:
                # Some row of the batch cannot be stored; its neighbours can.
                for ended in finishes:
                    written |= await self._write_one(ended)
        for ended in batch:
            self._ledger.remove(ended.held)
            if ended.result is None or ended.held.id in written:
                self._on_written(ended)
            else:
                self._on_lost(ended)

    async def _write_one(self, ended: Ended) -> set[UUID]:
        try:
            return await self._backend.finish([_finish(ended)])
        except DataRejected as error:
            text = f"The task ended, but the database refused to store what it left: {error}"
            logger.error("task %s (%s): %s", ended.held.id, ended.held.claimed.task, text)
            ended.result = RunResult(Status.FAILED, error=text.encode("ascii", "backslashreplace").decode())
            return await self._backend.finish([_finish(ended)])


def _release(held: Held) -> Release:
    return Release(held.id, held.token, held.claimed.queued_at)


def _finish(ended: Ended) -> Finish:
    held, result = ended.held, ended.result
    assert result is not None  # noqa: S101 - releases were sorted out before
    return Finish(held.id, held.token, result.status, result.output, result.error, result.log, result.keep_output)
