"""Decides when to claim and how many tasks, and takes in what was claimed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

import anyio

from asyncqueue.backends.base import Backend
from asyncqueue.backoff import Backoff
from asyncqueue.loggers import get_logger
from asyncqueue.model import Claimant, ClaimedTask
from asyncqueue.worker.finishing import Finisher
from asyncqueue.worker.heartbeat import Heartbeat
from asyncqueue.worker.identity import Identity
from asyncqueue.worker.ledger import Ledger
from asyncqueue.worker.signal import Signal
from asyncqueue.worker.slots import Slots
from asyncqueue.worker.unfound import Unfound

logger = get_logger("asyncqueue.worker")

#: Never fetch more tasks ahead than this, nor fewer than the concurrency allows.
_PREFETCH = 250

#: Seconds that a task may wait in a worker's buffer without harm to anybody.
_MOMENT = 0.02
#: Seconds over which the rate of tasks that end is taken.
_MEMORY = 0.1


class Prefetch:
    """How many tasks to claim beyond the free slots.

    Just enough that slots need not wait for the next claim: what will end during its round trip, judged by the last
    one, and no less than what ends within a moment, because tasks that began together end together. With slow tasks
    that is none, so that a waiting task is left to workers that have room.

    Args:
        concurrency: of the worker.
        fixed: always exactly this many, whatever the tasks are like.
    """

    def __init__(self, concurrency: int, fixed: int | None = None) -> None:
        self.size = fixed or 0
        self._limit = max(concurrency, _PREFETCH)
        self._fixed = fixed
        self._rate = 0.0
        self._ended = 0
        self._at = self._began = time.monotonic()

    def begin(self, ended: int) -> None:
        """Work has come after there was none: the time before says nothing of the rate."""
        self._rate, self._ended = 0.0, ended
        self._at = self._began = time.monotonic()

    def learn(self, ended: int, claim_took: float) -> None:
        """Take in how many tasks had ended by now, and how many seconds the claim took."""
        now = time.monotonic()
        seconds = max(now - self._at, 1e-6)
        # Tasks end in bursts: what counts is the rate over some exchanges, not over the last one.
        memory = min(_MEMORY, max(now - self._began, 1e-6))
        self._rate += min(1.0, seconds / memory) * ((ended - self._ended) / seconds - self._rate)
        self._ended, self._at = ended, now
        if self._fixed is None:
            self.size = min(self._limit, int(self._rate * max(claim_took * 2, _MOMENT)))


class Claimer:
    """What the exchange loop asks about claims.

    Args:
        polls: the delays between looks at an empty queue.
        identity: who claims, and of which queues.
        news: wakes the exchange loop.
        unfound: says how many to claim while no function was found.
        coming: whether something is under way in this worker that may queue tasks.
        behind: whether nothing is to be claimed until `look` is called, because what follows from ends takes too long.
    """

    def __init__(
        self,
        backend: Backend,
        ledger: Ledger,
        slots: Slots,
        finisher: Finisher,
        heartbeat: Heartbeat,
        *,
        prefetch: Prefetch,
        polls: Backoff,
        identity: Identity,
        news: Signal,
        unfound: Unfound,
        coming: Callable[[], bool] = lambda: False,
        behind: Callable[[], bool] = lambda: False,
    ) -> None:
        self._backend = backend
        self._ledger = ledger
        self._slots = slots
        self._finisher = finisher
        self._heartbeat = heartbeat
        self._prefetch = prefetch
        self._polls = polls
        self._identity = identity
        self._news = news
        self._unfound = unfound
        self._coming = coming
        self._behind = behind
        self._hungry = Signal()
        self._burst = False
        self._warned = False
        self._queued_at = 0.0
        #: Whether there may be something to claim that nobody has looked for yet.
        self.due = True
        self.stopping = False
        #: How many tasks are being claimed at this moment.
        self.under_way = 0
        #: Set when nothing is claimed any more, and no claim is under way.
        self.ended = anyio.Event()

    def claimant(self) -> Claimant:
        """Who claims, for one claim. Raises MigrationRequired where the table has no queues to choose from."""
        return self._identity.claimant()

    @property
    def room(self) -> int:
        """How many tasks to claim now, if any are claimed now."""
        if self.stopping or self._behind():
            return 0
        if not self._heartbeat.can_claim:
            if not self._warned:
                logger.warning("leases cannot be renewed: not claiming until they can")
            self._warned = True
            return 0
        self._warned = False
        return max(0, self._unfound.room(self._slots.free + self._prefetch.size - self.under_way))

    def take(self, rows: Sequence[ClaimedTask], room: int, since: float, *, busy: bool) -> None:
        """Take in what was claimed.

        Args:
            rows: what was claimed.
            room: how many there was room for.
            since: when the claim was sent.
            busy: whether it went with the ends of other tasks.
        """
        # Quick tasks may all have ended before the exchange that wrote their ends: then nothing is held either.
        if busy or self._ledger:
            self._prefetch.learn(self._slots.ended, time.monotonic() - since)
        else:
            self._prefetch.begin(self._slots.ended)
        if rows:
            self._polls.reset()
            self._slots.accept([self._ledger.add(row, since) for row in rows])
        # A claim that was not filled has found the queue's end: what comes now will be announced, or looked for.
        self.due = len(rows) >= room or self._queued_at > since
        if not self.due:
            if self._burst and not (rows or self._ledger or self._finisher.unwritten or self._coming()):
                self.stop()
            else:
                self._hungry.set()

    def stop(self) -> None:
        """Claim nothing more; a claim that is under way is completed first."""
        self.stopping = True
        self._news.set()

    def pause(self, seconds: float, ends_burst: bool) -> bool:
        """Claim again after so many seconds; in a burst, where that ends it, nothing more. Returns whether it does."""
        if self._burst and ends_burst:
            self.stop()
            return True
        asyncio.get_running_loop().call_later(seconds, self.look)
        return False

    def look(self) -> None:
        """Claim at the next opportunity."""
        self.due = True
        self._news.set()

    def look_for_more(self) -> None:
        """Claim what was queued just now: a claim that is under way may not see it, and is not the last one."""
        self._queued_at = time.monotonic()
        self.look()

    def look_whether_all_is_done(self) -> None:
        """Claim once more in a burst, whose end may have waited for this.

        A claim that is under way is not the last one: it may have found rows locked by what was done just now.
        """
        if self._burst:
            self.look_for_more()

    async def claim_until_stopped(self, *, burst: bool) -> None:
        """Return when nothing is claimed any more: after `stop`, or with `burst` when nothing is left to do."""
        self._burst = burst
        await self.ended.wait()

    async def run(self) -> None:
        """Wait for work whenever there is none, for ever."""
        while True:
            await self._hungry.wait()
            try:
                await self._backend.wait_for_work(self._polls.next())
            finally:
                self.look()  # also when waiting fails: nobody else looks
