"""Takes tasks away from workers that stopped renewing them."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable
from typing import Literal

import anyio

from asyncqueue.backends.base import Backend
from asyncqueue.errors import DatabaseUnavailable
from asyncqueue.model import LostTask
from asyncqueue.worker.heart import Heart

logger = logging.getLogger("asyncqueue.worker")

_LIMIT = 1000


class Rescuer:
    """The rescue loop.

    It holds back until this worker itself has renewed undisturbed for a while: after an outage longer than the lease
    every claim looks lost, although its worker is alive and about to write a result.

    Args:
        heart: tells how long renewals have gone well.
        lease: seconds without renewal after which a task in progress counts as lost.
        on_lost: whether lost tasks become failed, as Django has it, or are queued again.
        on_rescued: called with each task rescued.
    """

    def __init__(
        self,
        backend: Backend,
        heart: Heart,
        *,
        lease: float,
        on_lost: Literal["fail", "requeue"],
        on_rescued: Callable[[LostTask], None],
    ) -> None:
        self._backend = backend
        self._heart = heart
        self._lease = lease
        self._on_rescued = on_rescued
        self._interval = min(max(lease / 4, 0.5), 60.0)
        self._error = (
            f"Task failed: its worker did not renew the claim for {lease:g} seconds "
            "(it was lost, or could not reach the database)"
            if on_lost == "fail"
            else None
        )

    async def run(self) -> None:
        """Look for lost tasks for ever."""
        while True:
            await anyio.sleep(self._interval * random.uniform(0.5, 1.0))  # noqa: S311 - jitter, not a secret
            try:
                while self._heart.settled and await self._look() == _LIMIT:
                    pass
            except DatabaseUnavailable as error:
                logger.warning("cannot look for lost tasks: %s", error)

    async def _look(self) -> int:
        lost = await self._backend.rescue(lease=self._lease, error=self._error, limit=_LIMIT)
        for task in lost:
            logger.warning(
                "task %s (%s) was lost by its worker%s: %s",
                task.id,
                task.task,
                f" (PID {task.worker_pid})" if task.worker_pid is not None else "",
                "failed" if self._error is not None else "queued again",
            )
            self._on_rescued(task)
        return len(lost)
