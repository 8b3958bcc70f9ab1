"""Writes the ends of runs, all that have ended since the last write at once."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from uuid import UUID

from asyncqueue.backends.base import Backend
from asyncqueue.errors import DataRejected
from asyncqueue.model import ClaimedTask, Finish, Release, Status
from asyncqueue.running.runner import RunResult
from asyncqueue.worker.ledger import Held, Ledger
from asyncqueue.worker.signal import Signal

logger = logging.getLogger("asyncqueue.worker")

#: Rows in one statement.
_BATCH = 500


class Finisher:
    """The ends of runs on their way into the table.

    There is no timer: while one write is under way what ends meanwhile gathers, and is the next batch. Through an
    outage of the database everything is kept and tried again. That cannot grow: nothing is claimed meanwhile, because
    what waits to be written goes with the next claim or before it.

    Args:
        backend: where the ends go.
        ledger: the claims; an end that was written leaves it.
        news: wakes the exchange loop.
        on_written: called with each claim whose end stands in the table.
        on_lost: called with each whose claim belonged to somebody else.
    """

    def __init__(
        self,
        backend: Backend,
        ledger: Ledger,
        news: Signal,
        *,
        on_written: Callable[[Held], None],
        on_lost: Callable[[Held], None],
    ) -> None:
        self._backend = backend
        self._ledger = ledger
        self._news = news
        self._on_written = on_written
        self._on_lost = on_lost
        self._waiting: deque[Held] = deque()
        self._idle = Signal()
        #: How many ends are not in the table yet.
        self.unwritten = 0

    @property
    def waiting(self) -> int:
        """How many ends nobody is writing."""
        return len(self._waiting)

    def put(self, held: Held) -> None:
        """Hand over a claim whose run is over: to be finished with its result, or to be released if it has none."""
        self.unwritten += 1
        self._waiting.append(held)
        self._news.set()

    async def wait_written(self) -> None:
        """Return when everything handed over so far has been written."""
        while self.unwritten:
            await self._idle.wait()

    def gather(self) -> list[Held]:
        """The next batch, oldest first: to be written, and given back if it was not."""
        if len(self._waiting) <= _BATCH:
            batch = list(self._waiting)
            self._waiting.clear()
            return batch
        return [self._waiting.popleft() for _ in range(_BATCH)]

    def take_back(self, batch: list[Held]) -> None:
        """Keep what of a batch is left; what was written has been taken out of it."""
        self._waiting.extendleft(reversed(batch))

    async def write(self, batch: list[Held], *, claim: int, worker_pid: int | None) -> list[ClaimedTask] | None:
        """Write a batch, and empty it; in the same go claim up to `claim` tasks.

        Returns what was claimed, None where nothing could be because the batch had to be written row by row. Where
        the database is away the batch stays as it is: call this again.
        """
        releases = [held for held in batch if held.result is None]
        finishes = [held for held in batch if held.result is not None]
        if releases:
            await self._backend.release([Release(held.id, held.token, held.claimed.queued_at) for held in releases])
        written: set[UUID] = set()
        claimed: list[ClaimedTask] | None = None
        if finishes:
            try:
                if claim:
                    written, claimed = await self._backend.exchange(
                        list(map(_finish, finishes)), claim, worker_pid=worker_pid
                    )
                else:
                    written = await self._backend.finish(list(map(_finish, finishes)))
            except DataRejected:
                # Some row of the batch cannot be stored; its neighbours can.
                for held in finishes:
                    written |= await self._write_one(held)
        self.unwritten -= len(batch)
        for held in batch:
            self._ledger.remove(held)
            if held.result is None or held.claimed.id in written:
                self._on_written(held)
            else:
                self._on_lost(held)
        batch.clear()
        if not self.unwritten:
            self._idle.set()
        return claimed

    async def _write_one(self, held: Held) -> set[UUID]:
        try:
            return await self._backend.finish([_finish(held)])
        except DataRejected as error:
            text = f"The task ended, but the database refused to store what it left: {error}"
            logger.error("task %s (%s): %s", held.id, held.claimed.task, text)
            error_text = text.encode("ascii", "backslashreplace").decode()
            attempt = 1 if held.result is None else held.result.attempt
            held.result = RunResult(Status.FAILED, error=error_text, attempt=attempt)
            return await self._backend.finish([_finish(held)])


def _finish(held: Held) -> Finish:
    result = held.result
    assert result is not None  # noqa: S101 - releases were sorted out before
    return Finish(held.claimed.id, held.token, *result[:5])
