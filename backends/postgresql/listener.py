"""The connection on which an idle worker hears of new tasks."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import anyio

from asyncqueue import background
from asyncqueue.backends.common.shielding import begin
from asyncqueue.loggers import get_logger

if TYPE_CHECKING:
    import asyncpg

    AsyncpgConnection = asyncpg.Connection[asyncpg.Record]

logger = get_logger("asyncqueue.backends")

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
        self._opening: asyncio.Task[None] | None = None
        self._checked = 0.0
        self._retry_at = 0.0
        self._closed = False

    async def wait(self, topic: str, timeout: float) -> bool:
        """Return True when this was notified since this last returned, False after `timeout` seconds."""
        self._watch()
        with anyio.move_on_after(timeout):
            await self._heard_of[topic].wait()
        heard, self._heard_of[topic] = self._heard_of[topic].is_set(), anyio.Event()
        return heard

    @property
    def awaited(self) -> bool:
        """Whether somebody waits for tasks to end, as far as was heard."""
        return time.monotonic() < self._awaited_until

    def open(self) -> None:
        """Let it listen again after `close`."""
        self._closed = False

    def close(self) -> None:
        """Drop the connection, and open no other."""
        self._closed = True
        if self._opening is not None:
            background.cancel(self._opening)
        self._drop()

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()

    def _watch(self) -> None:
        """Begin to listen, or to ask whether the server is still there, where that is due.

        In a task of its own: a caller waits for as long as a poll lasts, which may be shorter, and a LISTEN that is
        cancelled in the middle would leave a connection that answers every question and hears nothing.
        """
        now = time.monotonic()
        due = now >= self._retry_at if self._connection is None else now - self._checked >= _PING_AFTER
        if due and self._opening is None and not self._closed:
            self._opening = begin(self._listen_or_ping(), self._opened)

    def _opened(self) -> None:
        self._opening = None

    async def _listen_or_ping(self) -> None:
        try:
            if self._connection is None:
                self._retry_at = time.monotonic() + _RETRY_AFTER
                self._connection = await self._listen()
                # What was notified while nobody listened is not repeated: look once.
                for event in self._heard_of.values():
                    event.set()
            else:
                await self._connection.fetchval(self._ping, timeout=_PING_TIMEOUT)
            self._checked = time.monotonic()
        except Exception as error:  # noqa: BLE001 - a notification is a hint: the poll goes on, whatever this is
            logger.debug("cannot listen for notifications, polls go on: %s", error)
            self._drop()

    async def _listen(self) -> AsyncpgConnection:
        connection = await self._connect()
        try:
            await connection.add_listener(self._channel(), self._heard)
        except BaseException:
            connection.terminate()
            raise
        connection.add_termination_listener(self._lost)
        return connection

    def _heard(self, _connection: Any, _pid: int, _channel: str, payload: object) -> None:
        if payload == AWAITED:
            self._awaited_until = time.monotonic() + _AWAITED_FOR
        else:
            self._heard_of.get(str(payload), self._heard_of[NEWS]).set()

    def _lost(self, connection: Any) -> None:
        if connection is self._connection:
            self._connection = None
