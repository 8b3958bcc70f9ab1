"""Wakes a loop that waits for several things."""

from __future__ import annotations

import asyncio


class Signal:
    """An event for one waiting loop. Set while nobody waits, it ends the next wait at once.

    Setting it costs next to nothing, and nothing is made anew, so that it can be set for every task that ends.
    """

    __slots__ = ("_set", "_waiter")

    def __init__(self) -> None:
        self._set = False
        self._waiter: asyncio.Future[None] | None = None

    def set(self) -> None:
        """End the present wait, or the next one."""
        if not self._set:
            self._set = True
            if self._waiter is not None and not self._waiter.done():
                self._waiter.set_result(None)

    async def wait(self) -> None:
        """Return when it was set since the last wait."""
        if not self._set:
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        self._set = False
