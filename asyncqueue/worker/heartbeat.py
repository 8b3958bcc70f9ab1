"""Renews leases, and learns what became of the claims."""

from __future__ import annotations

import os
import time
from collections.abc import Awaitable, Callable
from typing import Literal

import anyio

from asyncqueue.backends.base import Backend
from asyncqueue.errors import DatabaseBusy, DatabaseUnavailable
from asyncqueue.loggers import get_logger
from asyncqueue.worker.leases import Leases
from asyncqueue.worker.ledger import Ledger
from asyncqueue.worker.signal import Signal

logger = get_logger("asyncqueue.worker")


#: Beats between two looks at what the table is.
_LOOK_AGAIN = 6
#: Intervals after the end of a beat until the next one is late.
_LATE = 1.5
#: A part of the interval: so soon a beat is made again that did not do all it should.
_SOON = 5


class WorkerPid:
    """What to write into `worker_pid`.

    Django's worker fails every task in progress whose PID does not exist on its own host. NULL it never takes for an
    orphan, so with `never`, the default, the column stays NULL. With `auto` the PID is written until another worker's
    is seen on a row in progress. On an unmigrated table another asyncqueue worker's PID looks like a Django worker's.
    """

    def __init__(self, setting: Literal["auto", "always", "never"]) -> None:
        self._own = os.getpid()
        self._watching = setting == "auto"
        self.value: int | None = None if setting == "never" else self._own

    async def look(self, backend: Backend) -> None:
        """Look for other workers' PIDs, while that matters."""
        if not self._watching:
            return
        foreign = await backend.foreign_pids(self._own)
        if foreign:
            self._watching = False
            self.value = None
            logger.warning(
                "rows in progress carry the PID of another worker (%s): leaving worker_pid empty from now on, so that "
                "no Django worker takes our tasks for orphans (--worker-pid always or never decides otherwise)",
                ", ".join(str(pid) for pid in sorted(foreign)[:5]),
            )


class Heartbeat:
    """The heartbeat loop.

    Each beat looks at all claims in one statement, and so learns within an interval which of them were cancelled or
    taken away. Those held for longer than half an interval are renewed in another; a task that ends sooner costs none.
    Rows that another session has locked are tried again soon, and keep none of the others waiting.

    Args:
        interval: seconds between beats.
        leases: how long a claim stands without renewal.
        pid: what to write into `worker_pid`.
        present: says at each beat that this worker is running, and returns whether the database could be written to.
        news: set after each beat that went well: claiming may have waited for one.
    """

    def __init__(
        self,
        backend: Backend,
        ledger: Ledger,
        *,
        interval: float,
        leases: Leases,
        pid: WorkerPid,
        present: Callable[[], Awaitable[bool]],
        news: Signal,
    ) -> None:
        self._news = news
        self._backend = backend
        self._ledger = ledger
        self._interval = interval
        self._leases = leases
        self._present = present
        self._pid = pid
        self._beats = 0
        self._said_locked = False
        now = time.monotonic()
        #: When the last renewal began that went well, since when all beats have, and when the last of them ended.
        self._renewed_at = self._well_since = now
        self._ended_at: float | None = None

    @property
    def well_for(self) -> float:
        """For how many seconds beats have gone well: 0 while one is late, which may be waiting for a lock."""
        now = time.monotonic()
        if self._ended_at is None or now - self._ended_at > _LATE * self._interval:
            return 0.0
        return now - self._well_since

    @property
    def can_rescue(self) -> bool:
        """Whether two beats in a row have ended in time: so other workers, too, had time to renew after trouble."""
        return self.well_for > 2 * self._interval

    def doubt(self) -> None:
        """Something else than a beat has found the database away or locked: count anew from now on."""
        self._well_since = time.monotonic()

    @property
    def can_claim(self) -> bool:
        """Whether leases are being renewed well before they end."""
        lease = self._leases.own
        return lease is None or time.monotonic() - self._renewed_at < lease / 2

    async def run(self) -> None:
        """Beat for ever."""
        self._well_since = time.monotonic()
        while True:
            began = time.monotonic()
            try:
                locked = await self._beat(began)
            except DatabaseUnavailable as error:
                logger.warning("cannot renew leases: %s", error)
                await anyio.sleep(self._interval / _SOON)
                self._well_since = time.monotonic()
            else:
                self._ended_at = time.monotonic()
                if self._ended_at - began > self._interval:
                    self._well_since = self._ended_at
                self._news.set()
                await self._backend.wait_for_cancellation(self._interval / (_SOON if locked else 1))

    async def _beat(self, began: float) -> int:
        """Renew, and say that this worker is running. Returns how many rows could not be renewed."""
        self._leases.refresh()
        await self._pid.look(self._backend)
        try:
            renewal = await self._ledger.renew(self._pid.value, older=self._interval / 2)
        except DatabaseBusy:
            await self._present()  # while somebody has locked the task table, others are told that this worker lives
            raise
        self._renewed_at = began
        for held, reason in renewal.stopped:
            held.halt(reason)
        self._say_locked(renewal.locked)
        if not await self._present():
            self._well_since = time.monotonic()
        # Last: it may not keep a lease from being renewed.
        self._beats += 1
        if self._beats % _LOOK_AGAIN == 0:
            await self._backend.refresh()  # PostgreSQL says nothing when a table has been migrated
        return renewal.locked

    def _say_locked(self, rows: int) -> None:
        if rows and not self._said_locked:
            logger.warning(
                "the leases of %d running tasks cannot be renewed, because other sessions have locked their rows: "
                "look for a transaction that was left open",
                rows,
            )
        self._said_locked = bool(rows)
