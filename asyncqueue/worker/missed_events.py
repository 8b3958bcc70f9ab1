"""Looks whether anything waits that nobody was told of."""

from __future__ import annotations

import random
from collections.abc import Callable

import anyio

from asyncqueue.backends.base import Backend
from asyncqueue.errors import MigrationRequired
from asyncqueue.worker.leases import Leases


class MissedEventPoller:
    """The loop that looks, for those who admit tasks under limits and those who see to what waits for others.

    They hear of what concerns them, and so find out only here what nobody could tell: because a worker was lost
    between an end and what follows from it, or Django's worker ended a task, or somebody deleted it. Where nothing
    waits, as in most databases most of the time, both looks together are one statement.

    Args:
        leases: how often to look: as often as for lost tasks.
        on_held: called when tasks wait for a slot under a limit.
        on_awaited: called when tasks wait for others.
    """

    def __init__(
        self, backend: Backend, leases: Leases, *, on_held: Callable[[], None], on_awaited: Callable[[], None]
    ) -> None:
        self._backend = backend
        self._leases = leases
        self._on_held = on_held
        self._on_awaited = on_awaited

    async def run(self) -> None:
        """Look for ever. Not at once: both look by themselves when they begin."""
        while True:
            await anyio.sleep(self._leases.interval * random.uniform(0.5, 1.0))  # noqa: S311 - jitter, not a secret
            shape = self._backend.shape
            if shape is not None and shape.migrated:
                await self._look()

    async def _look(self) -> None:
        try:
            waiting = await self._backend.limits.waiting()
        except MigrationRequired:
            return  # taken away just now
        if waiting.held:
            self._on_held()
        if waiting.awaited:
            self._on_awaited()
