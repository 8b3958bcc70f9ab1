"""Takes tasks away from workers that stopped renewing them."""

from __future__ import annotations

import logging
import random
from collections.abc import Awaitable, Callable
from typing import Literal

import anyio

from asyncqueue.backends.base import Backend
from asyncqueue.errors import DatabaseUnavailable
from asyncqueue.model import LostTask, Status
from asyncqueue.worker.heart import Heart
from asyncqueue.worker.leases import Leases
from asyncqueue.worker.losses import fate

logger = logging.getLogger("asyncqueue.worker")

_LIMIT = 1000


class Rescuer:
    """The rescue loop.

    It holds back until this worker itself has renewed undisturbed for a while: after an outage longer than the lease
    every claim looks lost, although its worker is alive and about to write a result.

    Args:
        heart: tells how long renewals have gone well.
        leases: how long a claim stands without renewal.
        on_lost: whether lost tasks become failed, as Django has it, or are queued again.
        declared: whether the function of a dotted path is declared with `@task`: on a migrated table it runs again.
        on_rescued: called with each task rescued, and whether it failed by that.
    """

    def __init__(
        self,
        backend: Backend,
        heart: Heart,
        leases: Leases,
        *,
        on_lost: Literal["fail", "requeue"],
        declared: Callable[[str], Awaitable[bool]],
        on_rescued: Callable[[LostTask, bool], None],
    ) -> None:
        self._backend = backend
        self._heart = heart
        self._leases = leases
        self._on_lost = on_lost
        self._declared = declared
        self._on_rescued = on_rescued

    async def run(self) -> None:
        """Look for lost tasks for ever."""
        while True:
            await anyio.sleep(self._leases.interval * random.uniform(0.5, 1.0))  # noqa: S311 - jitter, not a secret
            try:
                while self._leases.own is not None and self._heart.settled and await self._look() == _LIMIT:
                    pass
            except DatabaseUnavailable as error:
                logger.warning("cannot look for lost tasks: %s", error)

    async def _look(self) -> int:
        assert self._leases.own is not None  # noqa: S101 - `run` has asked
        if self._backend.shape is not None and self._backend.shape.migrated:
            return await self._look_and_judge(self._leases.own)
        error = (
            f"Task failed: its worker did not renew the claim for {self._leases.own:g} seconds "
            "(it was lost, or could not reach the database)"
            if self._on_lost == "fail"
            else None
        )
        lost = await self._backend.rescue(lease=self._leases.own, error=error, limit=_LIMIT)
        for task in lost:
            self._tell(task, failed=error is not None)
        return len(lost)

    async def _look_and_judge(self, lease: float) -> int:
        """Each lost task by what it is. Of several rescuers one wins: the others find another token."""
        foreign = self._leases.foreign
        lost = await self._backend.overdue(lease=lease, foreign_lease=foreign, limit=_LIMIT)
        ends = [
            fate(
                task,
                again=task.ours and await self._declared(task.task),
                on_lost=self._on_lost,
                lease=lease if task.ours or foreign is None else foreign,
            )
            for task in lost
        ]
        written = await self._backend.end_attempts(ends) if ends else set()
        for task, end in zip(lost, ends, strict=True):
            if task.id in written:
                self._tell(task, failed=end.status == Status.FAILED)
        return len(lost)

    def _tell(self, task: LostTask, *, failed: bool) -> None:
        worker = task.claimed_by or (f"PID {task.worker_pid}" if task.worker_pid is not None else None)
        logger.warning(
            "task %s (%s) was lost by its worker%s: %s",
            task.id,
            task.task,
            f" ({worker})" if worker else "",
            "failed" if failed else "queued again",
        )
        self._on_rescued(task, failed)
