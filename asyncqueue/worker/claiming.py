"""Claims as many tasks as there is room for, and waits where there are none."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

import anyio

from asyncqueue.backends.base import Backend
from asyncqueue.backoff import Backoff
from asyncqueue.errors import DatabaseUnavailable
from asyncqueue.worker.finishing import Finisher
from asyncqueue.worker.heart import Heart
from asyncqueue.worker.ledger import Ledger
from asyncqueue.worker.slots import Slots

logger = logging.getLogger("asyncqueue.worker")


class Prefetch:
    """How many tasks to claim beyond the free slots.

    Just enough that slots need not wait for the next claim: what will end during its round trip, judged by the last
    one. With slow tasks that is none, so that a waiting task is left to workers that have room.

    Args:
        limit: never more than this.
        fixed: always exactly this many, whatever the tasks are like.
    """

    def __init__(self, limit: int, fixed: int | None = None) -> None:
        self.size = fixed or 0
        self._limit = limit
        self._fixed = fixed
        self._ended = 0
        self._at = time.monotonic()

    def learn(self, ended: int, claim_took: float) -> None:
        """Take in how many tasks had ended by now, and how many seconds the claim took."""
        now = time.monotonic()
        rate = (ended - self._ended) / max(now - self._at, 1e-6)
        self._ended, self._at = ended, now
        if self._fixed is None:
            self.size = min(self._limit, int(rate * claim_took * 2))


class Claimer:
    """The claim loop.

    Args:
        unwritten_limit: how many results may wait for the database before it stops claiming.
        polls: the delays between looks at an empty queue.
        worker_pid: what to write there.
    """

    def __init__(
        self,
        backend: Backend,
        ledger: Ledger,
        slots: Slots,
        finisher: Finisher,
        heart: Heart,
        *,
        prefetch: Prefetch,
        unwritten_limit: int,
        polls: Backoff,
        worker_pid: Callable[[], int | None],
    ) -> None:
        self._backend = backend
        self._ledger = ledger
        self._slots = slots
        self._finisher = finisher
        self._heart = heart
        self._prefetch = prefetch
        self._unwritten_limit = unwritten_limit
        self._polls = polls
        self._worker_pid = worker_pid
        self._stopping = False
        self._waiting: anyio.CancelScope | None = None

    def stop(self) -> None:
        """Make `run` return; a claim that is under way is completed first."""
        self._stopping = True
        self.wake()

    def wake(self) -> None:
        """End the present wait."""
        if self._waiting is not None:
            self._waiting.cancel()

    async def run(self, *, burst: bool) -> None:
        """Claim until stopped, or with `burst` until nothing is left to claim and everything claimed has ended."""
        outages = Backoff(0.1, 5.0)
        while not self._stopping:
            room = self._slots.free + self._prefetch.size
            if room < 1 or self._finisher.unwritten >= self._unwritten_limit:
                await self._wait(1.0, self._slots.freed)
            elif not self._heart.steady:
                logger.warning("leases cannot be renewed: not claiming until they can")
                await self._wait(1.0, self._heart.beaten)
            else:
                try:
                    claimed = await self._claim(room)
                except DatabaseUnavailable as error:
                    delay = outages.next()
                    logger.warning("cannot claim, again in %.1f s: %s", delay, error)
                    await self._wait(delay)
                    continue
                outages.reset()
                if claimed:
                    self._polls.reset()
                elif burst and not self._ledger and not self._finisher.unwritten:
                    return
                else:
                    await self._look()

    async def _claim(self, room: int) -> int:
        since = time.monotonic()
        rows = await self._backend.claim(room, worker_pid=self._worker_pid())
        self._prefetch.learn(self._slots.ended, time.monotonic() - since)
        self._slots.accept([self._ledger.add(row, since) for row in rows])
        return len(rows)

    async def _look(self) -> None:
        """Wait for work, or for the next look."""
        with anyio.CancelScope() as self._waiting:
            if not self._stopping:
                await self._backend.wait_for_work(self._polls.next())
        self._waiting = None

    async def _wait(self, seconds: float, event: anyio.Event | None = None) -> None:
        with anyio.move_on_after(seconds) as self._waiting:
            if not self._stopping:
                await (event.wait() if event is not None else anyio.sleep(seconds))
        self._waiting = None
