"""The connection on which an idle worker hears of new tasks."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import anyio
import asyncpg

if TYPE_CHECKING:
    AsyncpgConnection = asyncpg.Connection[asyncpg.Record]

#: What notifications say: new tasks, a cancellation, somebody who waits for tasks to end, tasks that have ended.
NEWS, CANCELLED, AWAITED, ENDED = "", "cancel", "wait", "ended"

_PING_AFTER = 15.0
_PING_TIMEOUT = 5.0
_RETRY_AFTER = 5.0
# Seconds for which one who has said so counts as waiting.
_AWAITED_FOR = 5.0


class Listener:
    """LISTENs on one channel and turns notifications into wake-ups.

    A notification is a hint. Whatever goes wrong here (no connection, one that went silently deaf, a PgBouncer that
    cannot LISTEN) the caller's poll goes on, and the connection is opened again when it has been away for a while.

    Args:
        connect: opens a connection of its own.
        channel: gives the channel that enqueue notifies; it is known once the table has been found.
        ping: the statement that shows whether the server is still there.
    """

    def __init__(
        self, connect: Callable[[], Awaitable[AsyncpgConnection]], channel: Callable[[], str], ping: str
    ) -> None:
        self._connect = connect
        self._channel = channel
        self._ping = ping
        self._connection: AsyncpgConnection | None = None
        self._heard_of = {topic: anyio.Event() for topic in (NEWS, CANCELLED, ENDED)}
        self._awaited_until = 0.0
        self._ensuring = anyio.Lock()
        self._checked = 0.0
        self._retry_at = 0.0

    async def wait(self, topic: str, timeout: float) -> bool:
        """Return True when this was notified since this last returned, False after `timeout` seconds."""
        with anyio.move_on_after(timeout):
            await self._ensure()
            await self._heard_of[topic].wait()
        heard, self._heard_of[topic] = self._heard_of[topic].is_set(), anyio.Event()
        return heard

    @property
    def awaited(self) -> bool:
        """Whether somebody waits for tasks to end, as far as was heard."""
        return time.monotonic() < self._awaited_until

    def close(self) -> None:
        """Drop the connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()

    async def _ensure(self) -> None:
        async with self._ensuring:
            await self._listen()

    async def _listen(self) -> None:
        now = time.monotonic()
        try:
            if self._connection is not None and now - self._checked >= _PING_AFTER:
                await self._connection.fetchval(self._ping, timeout=_PING_TIMEOUT)
                self._checked = now
            if self._connection is None and now >= self._retry_at:
                self._retry_at = now + _RETRY_AFTER
                connection = await self._connect()
                self._connection = connection
                await connection.add_listener(self._channel(), self._heard)
                connection.add_termination_listener(self._lost)
                self._checked = now
                # What was notified while nobody listened is not repeated: look once.
                for event in self._heard_of.values():
                    event.set()
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
            self.close()

    def _heard(self, _connection: Any, _pid: int, _channel: str, payload: object) -> None:
        if payload == AWAITED:
            self._awaited_until = time.monotonic() + _AWAITED_FOR
        else:
            self._heard_of.get(str(payload), self._heard_of[NEWS]).set()

    def _lost(self, connection: Any) -> None:
        if connection is self._connection:
            self._connection = None
