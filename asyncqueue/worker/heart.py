"""Renews leases, and learns what became of the claims."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Awaitable, Callable
from typing import Literal

import anyio

from asyncqueue.backends.base import Backend
from asyncqueue.errors import DatabaseUnavailable
from asyncqueue.worker.leases import Leases
from asyncqueue.worker.ledger import Ledger
from asyncqueue.worker.signal import Signal

logger = logging.getLogger("asyncqueue.worker")


#: Beats between two looks at what the table is.
_LOOK_AGAIN = 6


class WorkerPid:
    """What to write into `worker_pid`.

    Django's worker fails every task in progress whose PID does not exist on its own host. So with `auto` the PID is
    written only until somebody else's is seen on a row in progress; from then on the column stays NULL, which no
    Django worker takes for an orphan. On an unmigrated table another asyncqueue worker's PID looks the same, and has
    the same effect: the column is there for people to read, and a task is worth more than its display.
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


class Heart:
    """The heartbeat loop.

    Each beat looks at all claims in one statement, and so learns within an interval which of them were cancelled or
    taken away. Those held for longer than half an interval are renewed in another; a task that ends sooner costs none.

    Args:
        interval: seconds between beats.
        leases: how long a claim stands without renewal.
        pid: what to write into `worker_pid`.
        present: says at each beat that this worker is running.
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
        present: Callable[[], Awaitable[None]],
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
        self._last = self._well_since = time.monotonic()

    @property
    def well_for(self) -> float:
        """For how many seconds beats have gone well."""
        return time.monotonic() - self._well_since

    @property
    def settled(self) -> bool:
        """Whether two beats in a row have gone well: then other workers too have had time to renew after an outage."""
        return self.well_for > 2 * self._interval

    @property
    def steady(self) -> bool:
        """Whether leases are being renewed well before they end."""
        lease = self._leases.own
        return lease is None or time.monotonic() - self._last < lease / 2

    async def run(self) -> None:
        """Beat for ever."""
        while True:
            try:
                await self._beat()
            except DatabaseUnavailable as error:
                logger.warning("cannot renew leases: %s", error)
                await anyio.sleep(self._interval / 5)
                self._well_since = time.monotonic()
            else:
                self._last = time.monotonic()
                self._news.set()
                await self._backend.wait_for_cancellation(self._interval)

    async def _beat(self) -> None:
        self._leases.refresh()
        await self._pid.look(self._backend)
        for held, reason in await self._ledger.renew(self._pid.value, older=self._interval / 2):
            logger.warning("stopping task %s (%s): %s", held.id, held.claimed.task, reason.value, extra=held.about)
            held.stop(reason)
        # Last: neither may keep a lease from being renewed.
        self._beats += 1
        if self._beats % _LOOK_AGAIN == 0:
            await self._backend.look_again()  # PostgreSQL says nothing when a table has been migrated
        await self._present()
