"""How an idle worker hears of commits."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Protocol

import anyio

from asyncqueue.backends.sqlite.connection import SqliteConnection
from asyncqueue.errors import DatabaseUnavailable, QueueClosed

# Seconds between two looks, and between two when nothing was committed for a while. One costs about 0.1 ms of CPU.
_INTERVAL = 0.005
_IDLE_INTERVAL = 0.01
_IDLE_AFTER = 10.0


class News(Protocol):
    """What a worker without work waits on."""

    async def wait(self, timeout: float) -> None:
        """Return when something was committed since the last call returned, or after `timeout` seconds."""

    def ring(self) -> None:
        """Say that this backend has committed something."""

    def open(self) -> None:
        """Let it be waited on again after `close`."""

    def close(self) -> None:
        """End a wait, and what it needs. A wait that begins afterwards lasts for its timeout."""


class Bell:
    """For a database in memory: nobody else can write to it."""

    def __init__(self) -> None:
        self._news = anyio.Event()

    async def wait(self, timeout: float) -> None:
        with anyio.move_on_after(timeout):
            await self._news.wait()
        self._news = anyio.Event()

    def ring(self) -> None:
        self._news.set()

    def open(self) -> None:
        """Nothing to do: there is no connection."""

    def close(self) -> None:
        self._news.set()


class Watcher:
    """For a database file: a thread looks at SQLite's count of commits, on a connection that makes none itself.

    Commits of this very process, made on its other connections, count like those of any other.

    Args:
        connect: opens a connection of its own.
        discard: drops one.
        version: the statement that reads the count.
    """

    def __init__(
        self,
        connect: Callable[[], Awaitable[SqliteConnection]],
        discard: Callable[[SqliteConnection], None],
        version: str,
    ) -> None:
        self._connect = connect
        self._discard = discard
        self._version = version
        self._connection: SqliteConnection | None = None
        self._seen: int | None = None
        self._changed_at = 0.0
        self._leave = threading.Event()
        self._closed = False

    async def wait(self, timeout: float) -> None:
        # The count seen last is kept from call to call: what is committed between two waits ends the second at once.
        deadline = time.monotonic() + timeout
        if self._connection is not None and not self._connection.usable:
            self._drop()
        self._leave = leave = threading.Event()
        try:
            if self._connection is None:
                self._seen = None
                self._connection = await self._opened()
            seen = await self._connection.read(lambda raw: self._poll(raw, deadline, leave))
            if seen != self._seen:
                self._seen, self._changed_at = seen, time.monotonic()
        except (sqlite3.Error, ValueError, DatabaseUnavailable, QueueClosed):
            self._drop()
            await anyio.sleep(deadline - time.monotonic())
        finally:
            leave.set()

    def ring(self) -> None:
        """Nothing to do: the count tells."""

    def open(self) -> None:
        self._closed = False

    def close(self) -> None:
        self._closed = True
        self._drop()

    async def _opened(self) -> SqliteConnection:
        self._check_open()
        connection = await self._connect()
        try:
            self._check_open()
        except QueueClosed:
            self._discard(connection)
            raise
        return connection

    def _check_open(self) -> None:
        if self._closed:
            raise QueueClosed("the queue is closed")

    def _drop(self) -> None:
        self._leave.set()
        connection, self._connection = self._connection, None
        if connection is not None:
            self._discard(connection)

    def _poll(self, raw: sqlite3.Connection, deadline: float, leave: threading.Event) -> int | None:
        while True:
            count: int = raw.execute(self._version).fetchone()[0]
            now = time.monotonic()
            if count != self._seen or now >= deadline:
                return count
            interval = _IDLE_INTERVAL if now - self._changed_at > _IDLE_AFTER else _INTERVAL
            if leave.wait(min(interval, deadline - now)):
                return self._seen
