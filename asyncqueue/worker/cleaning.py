"""Deletes what need not be kept any longer, one worker for all."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping

import anyio

from asyncqueue.backends.base import Backend
from asyncqueue.backends.common.limits.slots import AT_ONCE
from asyncqueue.loggers import get_logger
from asyncqueue.model import Status
from asyncqueue.retention import clean, repeat

logger = get_logger("asyncqueue.worker")

#: The chores' names in the table.
CLEANUP, SWEEP = "cleanup", "sweep"
#: Rows that one turn looks at in vain. On a table of millions that nobody has to delete one goes on where the last one
#: stopped: 50 ms of the database's time a minute, and all of five million rows in less than two hours.
_PATIENCE = 50_000
#: Seconds between two sweeps over everything beside the task table, and between two questions whether one is due.
_SWEEP_EVERY, _ASK_EVERY = 3600.0, 300.0


class Cleaner:
    """The loop that deletes ended tasks which are old enough, and what is left of tasks that are gone.

    Of all workers of a table one does either at a time (see `Backend.maintenance`). If it dies in the middle, another
    worker has the next turn. On a table that is not migrated nothing is deleted.

    Args:
        ages: for how many seconds ended tasks are kept, by status.
        interval: seconds between two turns.
        on_deleted: called with how many tasks were deleted.
    """

    def __init__(
        self, backend: Backend, *, ages: Mapping[Status, float], interval: float, on_deleted: Callable[[int], None]
    ) -> None:
        self._backend = backend
        self._ages = ages
        self._interval = interval
        self._on_deleted = on_deleted
        self._asked = time.monotonic()
        self._told = False

    async def run(self) -> None:
        """Take turns for ever."""
        while True:
            # More often than the interval, or each turn would come as much later as this worker asks too early.
            pause = min(self._interval / 4, _ASK_EVERY) if self._ages else _ASK_EVERY
            await anyio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - jitter, not a secret
            if self._can():
                await self._look()

    def _can(self) -> bool:
        shape = self._backend.shape
        if shape is not None and shape.migrated:
            return True
        if self._ages and not self._told:
            self._told = True
            logger.warning(
                "ended tasks are kept although settings say how long: workers need a table beside the task table to "
                "agree who deletes them; run `asyncqueue migrate`"
            )
        return False

    async def _look(self) -> None:
        maintenance = self._backend.maintenance
        if self._ages and await maintenance.take(CLEANUP, self._interval):
            await self._clean()
        if time.monotonic() - self._asked >= _ASK_EVERY:
            self._asked = time.monotonic()
            if await maintenance.take(SWEEP, _SWEEP_EVERY):
                await self._sweep()

    async def _clean(self) -> None:
        began = await self._backend.maintenance.resume_from(CLEANUP)
        turn = _Turn(self._backend, CLEANUP, self._interval)
        deleted, resume_from = await clean(
            self._backend.retention, self._ages, resume_from=began, patience=_PATIENCE, after_batch=turn.keep
        )
        await self._backend.maintenance.extend(CLEANUP, self._interval, resume_from=resume_from)
        if deleted:
            logger.info("deleted %d tasks that ended long enough ago", deleted)
            self._on_deleted(deleted)

    async def _sweep(self) -> None:
        retention = self._backend.retention
        turn = _Turn(self._backend, SWEEP, _SWEEP_EVERY)
        tasks, _ = await repeat(
            lambda resume_from: retention.sweep_attempts(limit=retention.batch, resume_from=resume_from),
            after_batch=turn.keep,
        )
        keys, _ = await repeat(
            lambda resume_from: retention.sweep_keys(limit=retention.batch, resume_from=resume_from),
            after_batch=turn.keep,
        )
        await self._sweep_limits(turn)
        edges = 0
        if self._backend.shape is not None and self._backend.shape.migrated:
            edges, _ = await repeat(
                lambda resume_from: retention.sweep_edges(limit=retention.batch, resume_from=resume_from),
                after_batch=turn.keep,
            )
        if tasks or keys or edges:
            logger.info(
                "deleted the attempts of %d tasks that are gone, what %d had waited for, and %d free unique keys",
                *(tasks, edges, keys),
            )

    async def _sweep_limits(self, turn: _Turn) -> None:
        shape = self._backend.shape
        if shape is not None and shape.migrated:
            limits = self._backend.limits
            await repeat(
                lambda resume_from: limits.sweep(limit=AT_ONCE, resume_from=resume_from), after_batch=turn.keep
            )


class _Turn:
    """A turn that lasts, kept from the others while it does."""

    def __init__(self, backend: Backend, duty: str, every: float) -> None:
        self._maintenance = backend.maintenance
        self._duty = duty
        self._every = every
        self._extended = time.monotonic()

    async def keep(self, resume_from: str) -> None:
        """Between two batches: extend the turn before it ends."""
        if time.monotonic() - self._extended > self._every / 3:
            self._extended = time.monotonic()
            await self._maintenance.extend(self._duty, self._every, resume_from=resume_from)
