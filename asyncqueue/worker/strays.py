"""Releases tasks that were claimed in a worker's name and never reached it."""

from __future__ import annotations

import time

from asyncqueue.backends.base import Backend
from asyncqueue.loggers import get_logger
from asyncqueue.worker.leases import Leases
from asyncqueue.worker.ledger import Ledger

logger = get_logger("asyncqueue.worker")


class Strays:
    """The claims whose reply was lost, on a migrated table.

    The row says that this worker holds it, and the worker does not know. No other worker rescues it while this one
    beats. It has not begun, so it is queued again, and this counts neither as a loss nor as an attempt.

    Args:
        name: the worker's, as it stands in `claimed_by`.
        ledger: what it holds.
        leases: after one lease without a renewal, no reply to a claim can still be on its way.
    """

    def __init__(self, backend: Backend, name: str, ledger: Ledger, leases: Leases) -> None:
        self._backend = backend
        self._name = name
        self._ledger = ledger
        self._leases = leases
        self._look_at = time.monotonic()

    async def look(self) -> None:
        """Release what is found, if it is time to look: once in a lease. Raises DatabaseUnavailable."""
        lease = self._leases.own
        if lease is not None and time.monotonic() >= self._look_at:
            await self.release(lease)
            self._look_at = time.monotonic() + lease

    async def release(self, lease: float = 0.0) -> None:
        """Release what was not renewed for `lease` seconds: all of it, when no claim is under way any more."""
        shape = self._backend.shape
        if shape is None or not shape.migrated:
            return
        released = await self._backend.release_strays(self._name, held=self._ledger.ids, lease=lease)
        if released:
            logger.warning(
                "queued %d tasks again that had been claimed, but the database's answer was lost; none had begun",
                len(released),
            )
