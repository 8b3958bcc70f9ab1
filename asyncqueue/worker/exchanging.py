"""The loop between a worker and the table: ends go there, tasks come back."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

import anyio
from anyio.abc import TaskGroup

from asyncqueue.backends.base import Backend
from asyncqueue.backoff import Backoff
from asyncqueue.errors import DatabaseBusy, DatabaseError
from asyncqueue.loggers import get_logger
from asyncqueue.model import Claimant
from asyncqueue.worker.claiming import Claimer
from asyncqueue.worker.finishing import Finisher
from asyncqueue.worker.ledger import HeldClaim, Ledger
from asyncqueue.worker.signal import Signal
from asyncqueue.worker.supervisor import heals

logger = get_logger("asyncqueue.worker")

#: While one exchange is under way another begins only with so many ends: many small ones cost more than a few large.
_ENOUGH = 64
#: Seconds that ends wait at most for those that come in the same burst.
_BURST = 0.02
#: Seconds until rows that others have locked are looked at again, at first and at most.
_ASIDE = (1.0, 5.0)


@dataclass(slots=True, eq=False)
class _Turn:
    """One exchange: the ends that it writes, and how many tasks it claims at most."""

    batch: list[HeldClaim]
    room: int


class Exchange:
    """Writes what has ended and claims what there is room for, in one go where both are due.

    One loop for both, because a worker that is busy has always both to do: one round trip and one commit serve. While
    the database is at one exchange, the results of the last are worked on and, where it can, the next is begun. Where
    it cannot, because the database works in this very process, an exchange waits for the end of a burst of quick tasks:
    sent at once, it would take a few of them along and leave the others to the next.

    Args:
        news: set by whoever has something for this loop.
    """

    def __init__(self, backend: Backend, ledger: Ledger, finisher: Finisher, claimer: Claimer, news: Signal) -> None:
        self._backend = backend
        self._ledger = ledger
        self._finisher = finisher
        self._claimer = claimer
        self._news = news
        self._delays = Backoff(0.05, 5.0)
        self._pausing = False
        self._locked = Signal()
        self._under_way: list[_Turn] = []
        #: How many went well, how many seconds they took together, and the longest of them.
        self.made = 0
        self.seconds = self.slowest = 0.0

    async def run(self) -> None:
        """Go on for ever; what has ended is written even when nothing is claimed any more."""
        try:
            async with anyio.create_task_group() as turns:
                turns.start_soon(self._try_aside)
                while True:
                    if self._backend.capabilities.exchanges == 1 and not self._under_way:
                        await self._let_burst_end()
                    while self._begin(turns):
                        pass
                    if self._claimer.stopping and not self._claimer.under_way:
                        self._claimer.ended.set()
                    await self._news.wait()
        finally:
            for turn in list(self._under_way):  # cancelled before it began
                self._end(turn)

    async def _let_burst_end(self) -> None:
        """Return when a turn of the event loop has brought no further ends."""
        waiting, latest = 0, time.monotonic() + _BURST
        while waiting < self._finisher.waiting and time.monotonic() < latest:
            waiting = self._finisher.waiting
            await asyncio.sleep(0)

    def _begin(self, turns: TaskGroup) -> bool:
        """Begin an exchange if one is due. Returns whether it was."""
        if self._pausing or len(self._under_way) >= self._backend.capabilities.exchanges:
            return False
        if self._under_way and self._finisher.waiting < _ENOUGH:
            return False
        room = self._claimer.room
        batch = self._finisher.gather()
        if not batch and not (room and self._claimer.due):
            return False
        turn = _Turn(batch, room)
        self._under_way.append(turn)
        self._claimer.under_way += room
        turns.start_soon(self._take, turn)
        return True

    async def _take(self, turn: _Turn) -> None:
        batch, room = turn.batch, turn.room
        since = time.monotonic()
        busy, claimed = bool(batch), None
        try:
            claimant = self._claimer.claimant() if room else Claimant()
            if batch and self._claimer.stopping:
                await self._set_aside(batch)  # there may be no time to wait for a lock first
            if batch:
                claimed = await self._finisher.write(batch, claim=room, claimant=claimant)
            elif room:
                claimed = await self._backend.claim(
                    room, worker_pid=claimant.pid, worker=claimant.name, queues=claimant.queues
                )
        except DatabaseError as error:
            if not heals(error):
                raise
            if not (isinstance(error, DatabaseBusy) and await self._set_aside(batch, alone=True)):
                self._pause(error)
        else:
            self._delays.reset()
            took = time.monotonic() - since
            self.made += 1
            self.seconds += took
            self.slowest = max(self.slowest, took)
        finally:
            self._end(turn)
        if room and claimed is not None:
            self._claimer.take(claimed, room, since, busy=busy)

    async def _set_aside(self, batch: list[HeldClaim], *, alone: bool = False) -> bool:
        """Set those ends aside whose rows others have locked. Returns whether there were any.

        With `alone` also those that wait for something else, if there are none.
        """
        try:
            found = bool(batch) and (
                await self._finisher.set_aside(batch) or (alone and await self._finisher.single_out(batch))
            )
        except DatabaseError as error:
            if not heals(error):
                raise
            return False
        if found:
            self._locked.set()
        return found

    async def _try_aside(self) -> None:
        """Ask, for ever, whether the rows of what was set aside are free."""
        delays = Backoff(*_ASIDE)
        while True:
            while not self._finisher.aside:
                await self._locked.wait()
                delays.reset()
            await anyio.sleep(delays.next())
            try:
                await self._finisher.try_aside()
            except DatabaseError as error:
                if not heals(error):
                    raise

    def _end(self, turn: _Turn) -> None:
        """What could not be written, because the database is away or this was cancelled, is tried again."""
        self._under_way.remove(turn)
        self._finisher.take_back(turn.batch)
        self._claimer.under_way -= turn.room
        self._news.set()

    def _pause(self, error: DatabaseError) -> None:
        delay = self._delays.next()
        self._pausing = True
        asyncio.get_running_loop().call_later(delay, self._resume)
        unwritten = self._finisher.unwritten
        what = f"write {unwritten} results" if unwritten else "claim"
        logger.warning("cannot %s, again in %.1f s: %s", what, delay, error)

    def _resume(self) -> None:
        self._pausing = False
        self._news.set()
