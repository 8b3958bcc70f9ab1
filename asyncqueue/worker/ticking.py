"""Enqueues periodic tasks when they are due."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence

import anyio

from asyncqueue.backends.base import Backend
from asyncqueue.errors import DataRejected, MigrationRequired
from asyncqueue.loggers import get_logger
from asyncqueue.model import Tick, TickTable
from asyncqueue.periodic import PeriodicTask
from asyncqueue.schedules import LATE, MOST
from asyncqueue.worker.heartbeat import Heartbeat

logger = get_logger("asyncqueue.worker")

#: Seconds between two declarations of a worker's entries, and between two looks of a worker that has none.
_DECLARE, _LOOK = 60.0, 600.0
#: Seconds until an entry that nobody declares is removed. Until then it goes on where it was when a worker declares it
#: again: its service may have been down while others ran. It is listed for ten minutes only, see `asyncqueue.periodic`.
_EXPIRY = 90 * 86400.0
#: Seconds by which a worker is late at random: the first one does the work, and the others see that it is done.
_JITTER = 0.25


class Ticker:
    """The loop of a worker's periodic tasks.

    Every worker that knows an entry does the same at each of its ticks, and whoever moves the entry on enqueues its
    task. So no tick is lost with a worker, and none has two tasks.

    Args:
        heart: tells how long the database has been there: after an outage no worker has declared anything for long.
        entries: what this worker knows. Without any it only removes, now and then, what nobody has known for months.
    """

    def __init__(self, backend: Backend, heartbeat: Heartbeat, entries: Sequence[PeriodicTask]) -> None:
        self._backend = backend
        self._heartbeat = heartbeat
        self._entries = entries
        self._warned = False
        self._declare_at = 0.0

    async def run(self) -> None:
        """Enqueue what is due for ever."""
        if not self._entries:
            await anyio.sleep(_LOOK)
        while True:
            try:
                pause = await self._turn() if self._migrated else _DECLARE
            except MigrationRequired:
                pause = _DECLARE  # taken away just now
            await anyio.sleep(pause)

    @property
    def _migrated(self) -> bool:
        shape = self._backend.shape
        if shape is None or shape.migrated:
            return True
        if self._entries and not self._warned:
            self._warned = True
            logger.warning(
                "%d periodic tasks are not enqueued: they need a table beside the task table that is not there; run "
                "`asyncqueue migrate`",
                len(self._entries),
            )
        return False

    async def _turn(self) -> float:
        """Enqueue what is due now. Returns the seconds until the next turn."""
        table = await self._look()
        seen_at = time.monotonic()
        for entry in self._entries:
            tick = table.entries.get(entry.name)
            if tick is None:
                self._declare_at = 0.0  # somebody has removed it
            else:
                await self._enqueue_due(entry, tick, table)
        upcoming = (entry.schedule.next(table.now) for entry in self._entries)
        first = min((at for at in upcoming if at is not None), default=None)
        until_declared = self._declare_at - time.monotonic()
        if first is None:
            return max(0.0, until_declared)
        # The clock was read before `seen_at`, so the database's is past this tick when the sleep is over.
        until_tick = (first - table.now).total_seconds() - (time.monotonic() - seen_at)
        return max(0.0, min(until_declared, until_tick + random.uniform(0, _JITTER)))  # noqa: S311 - jitter, not a secret

    async def _look(self) -> TickTable:
        """What the table holds, and now and then say what this worker knows."""
        now = time.monotonic()
        if now < self._declare_at:
            return await self._backend.periodic.read()
        # A database that was away for months finds all workers that know an entry at once: let them declare it first.
        expiry = _EXPIRY if self._heartbeat.well_for > _LOOK else None
        table = await self._backend.periodic.declare([entry.declaration for entry in self._entries], expiry=expiry)
        every = _DECLARE if self._entries else _LOOK
        self._declare_at = now + every * random.uniform(0.75, 1.0)  # noqa: S311 - likewise
        return table

    async def _enqueue_due(self, entry: PeriodicTask, tick: Tick, table: TickTable) -> None:
        due = entry.schedule.due(tick.last, table.now)
        if due.cut:
            logger.warning(
                "periodic task %s: of more than %d missed ticks only the last are enqueued", entry.name, MOST
            )
        for at in due.ticks:
            try:
                done = await self._backend.periodic.tick(entry.name, at, entry.new())
            except DataRejected as error:
                logger.error("periodic task %s cannot be enqueued: %s", entry.name, error)
                return
            if done and table.now - at > LATE:
                logger.info("periodic task %s: the tick of %s was missed, and is enqueued now", entry.name, at)
