"""Queues tasks that waited for others when these have ended."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from uuid import UUID

import anyio

from asyncqueue.backends.base import Backend
from asyncqueue.backends.promotions import SetAside
from asyncqueue.backends.services import Settled
from asyncqueue.loggers import get_logger
from asyncqueue.worker.leases import Leases
from asyncqueue.worker.signal import Signal

logger = get_logger("asyncqueue.worker")

#: Seconds between two looks at predecessors whose worker does not know that others wait for them.
_WATCH = 1.0
#: Seconds until a task is settled again for which somebody's write was in the way.
_AGAIN = 0.1
#: Tasks for which others wait that one statement of a sweep looks at, and how many times as long as that took it is
#: until the next one: where many wait, a sweep may take a twentieth of the time.
_SWEEP_LIMIT, _TIMES_SWEEP = 1000, 20


class DependencyResolver:
    """The loop that does what follows from the end of a task for those that wait for it.

    It is told of the ends of this worker's own tasks for which others wait, and of tasks that wait and that this worker
    has set aside. Nobody is told where a worker died, Django's worker ended the task, or somebody deleted it. A sweep
    finds these when a worker starts, and when the `MissedEventPoller` asks for one. It goes batch by batch, and what
    follows from one batch is done before the next.

    Args:
        leases: how often to see whether the table has been migrated meanwhile.
        on_queued: called when something was queued, or is due.
        on_idle: called when it has done what there was to do.
    """

    def __init__(
        self, backend: Backend, leases: Leases, *, on_queued: Callable[[], None], on_idle: Callable[[], None]
    ) -> None:
        self._backend = backend
        self._leases = leases
        self._on_queued = on_queued
        self._on_idle = on_idle
        self._news = Signal()
        self._idle = Signal()
        self._ended: set[UUID] = set()
        self._arrived: set[UUID] = set()
        #: Tasks that run and for which others wait, although their claims may not say so, because those came later.
        self.watched: frozenset[UUID] = frozenset()
        self._sweep_at = self._watch_at = 0.0
        #: Where the sweep goes on, None at the beginning; and whether one has come to its end.
        self._resume_from: str | None = None
        self._swept = False
        self._working = True

    def ended(self, task_id: UUID) -> None:
        """Say that a task has ended for which others wait."""
        self._ended.add(task_id)
        self._news.set()

    def look(self) -> None:
        """Somebody waits, perhaps for what nobody was told of: sweep, unless a sweep is under way."""
        if self._resume_from is None:
            self._sweep_at = 0.0
            self._news.set()

    @property
    def busy(self) -> bool:
        """Whether it has something to do now, by which tasks may be queued."""
        return self._working or not self._swept or bool(self._ended or self._arrived)

    async def wait_idle(self) -> None:
        """Return when it has nothing to do."""
        while self.busy:
            await self._idle.wait()

    @contextmanager
    def hearing(self) -> Iterator[None]:
        """Within this it is told of tasks that a claim has set aside, also while `run` waits after an error."""
        promotions = self._backend.promotions
        before, promotions.waiting = promotions.waiting, self._arrive
        try:
            yield
        finally:
            if promotions.waiting == self._arrive:  # else another worker of this queue hears of them now
                promotions.waiting = before

    async def run(self) -> None:
        """Go on for ever."""
        while True:
            self._working = True
            pause = await self._turn() if self._linked else self._forget()
            self._working = False
            self._idle.set()
            self._on_idle()
            with anyio.move_on_after(pause):
                await self._news.wait()

    def _arrive(self, promotions: Iterable[SetAside]) -> None:
        """These tasks wait for others, and have been set aside just now."""
        self._arrived.update(each.id for each in promotions)
        self._news.set()

    @property
    def _linked(self) -> bool:
        shape = self._backend.shape
        return shape is not None and shape.migrated

    def _forget(self) -> float:
        """There is nothing that waits in such a table. Returns the seconds until it may be another one."""
        self._ended.clear()
        self._arrived.clear()
        self.watched = frozenset()
        self._resume_from, self._swept = None, True
        return self._leases.interval

    async def _turn(self) -> float:
        """Do what there is to do. Returns the seconds until the next turn, if nothing comes before."""
        now = anyio.current_time()
        if now >= self._sweep_at:
            self._sweep_at = math.inf
            try:
                due = await self._sweep()
            except BaseException:
                self._sweep_at = 0.0
                raise
            self._sweep_at = min(self._sweep_at, due)  # somebody may have said meanwhile to look
        if self.watched and now >= self._watch_at:
            settled = await self._backend.dependencies.resolve(self.watched)
            self.watched = settled.running
            self._take_in(settled)
            self._watch_at = now + _WATCH
        again = await self._work_off()
        if again:
            self._arrived |= again
            return _AGAIN
        at = min(self._sweep_at, self._watch_at) if self.watched else self._sweep_at
        return max(0.0, at - anyio.current_time())

    async def _work_off(self) -> frozenset[UUID]:
        """Settle and resolve what this was told of. Returns what is to be settled once more."""
        again: frozenset[UUID] = frozenset()
        while self._arrived or self._ended:
            arrived, self._arrived = self._arrived, set()
            ended, self._ended = self._ended, set()
            try:
                if arrived:
                    settled = await self._backend.dependencies.settle(arrived)
                    self.watched |= settled.running
                    again |= settled.again
                    self._take_in(settled)
                if ended:
                    self._take_in(await self._backend.dependencies.resolve(ended))
            except BaseException:
                # Both are harmless to repeat.
                self._arrived |= arrived
                self._ended |= ended
                raise
        return again

    async def _sweep(self) -> float:
        """Take the next batch of a sweep. Returns when the one after that is due."""
        began = anyio.current_time()
        found, self._resume_from = await self._backend.dependencies.unresolved(
            limit=_SWEEP_LIMIT, resume_from=self._resume_from
        )
        self._ended.update(found)
        if self._resume_from is None:
            self._swept = True
            return math.inf
        # The first one is not spread: a worker that ends with its work waits for it.
        return began + (1 + _TIMES_SWEEP) * (anyio.current_time() - began) if self._swept else 0.0

    def _take_in(self, settled: Settled) -> None:
        if settled.released:
            self._on_queued()
        self._ended |= settled.unfinished
        if settled.cancelled:
            logger.info("cancelled because what they waited for has not completed: %d", len(settled.cancelled))
            self._ended |= settled.cancelled  # others may wait for these
            self._backend.announce_ends()
