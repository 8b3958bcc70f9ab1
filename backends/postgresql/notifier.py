"""When enqueueing tells idle workers of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from asyncqueue.backends.common.shielding import begin
from asyncqueue.errors import DatabaseError
from asyncqueue.loggers import get_logger

logger = get_logger("asyncqueue.backends")

#: Seconds between two notifications of one queue.
_INTERVAL = 0.003
#: Seconds for the last notification when a queue closes.
_CLOSE_TIMEOUT = 1.0


class Notifier:
    """Lets one notification serve for many rows.

    A notification is part of its transaction, and every commit with one waits for a lock that the whole server shares.
    So of rows that follow each other closely only the first notifies in its own statement; what comes within a few
    milliseconds is announced by one more, after its commit. Where that is lost, a worker's next poll finds the rows.

    Args:
        send: notifies, in a statement of its own.
    """

    def __init__(self, send: Callable[[], Awaitable[object]]) -> None:
        self._send = send
        self._last = 0.0
        self._timer: asyncio.TimerHandle | None = None
        # The one before may be under way still, on a server that answers slowly.
        self._sending: set[asyncio.Task[None]] = set()

    def due(self) -> bool:
        """Whether the insert that comes now should notify by itself."""
        now = asyncio.get_running_loop().time()
        if now - self._last < _INTERVAL:
            return False
        self._last = now
        return True

    def announce(self) -> None:
        """Notify soon: rows were committed that did not."""
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(max(0.0, self._last + _INTERVAL - loop.time()), self._fire)

    async def close(self) -> None:
        """Send now what was to be sent soon, and wait a moment for what is being sent."""
        if self._timer is not None:
            self._timer.cancel()
            self._fire()
        if self._sending:
            await asyncio.wait(self._sending, timeout=_CLOSE_TIMEOUT)

    def _fire(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = None
        self._last = loop.time()
        task = begin(self._notify())
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def _notify(self) -> None:
        try:
            await self._send()
        except DatabaseError as error:
            logger.debug("cannot notify idle workers, their next poll will do: %s", error)
