"""The connections to one SQLite database: opened, dropped, and closed one after the other."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Mapping
from typing import Any

from asyncqueue.backends.base import Options
from asyncqueue.backends.common.connection import SharedConnection
from asyncqueue.backends.common.statements import Statement
from asyncqueue.backends.sqlite.checkpoints import Checkpoints
from asyncqueue.backends.sqlite.connection import SqliteConnection
from asyncqueue.backends.sqlite.location import MEMORY, identity
from asyncqueue.backends.sqlite.watcher import Bell, News, Watcher
from asyncqueue.errors import DatabaseUnavailable
from asyncqueue.loggers import get_logger

logger = get_logger("asyncqueue.backend")

# Another process may hold the lock for a while; what is left of the deadline is for the work itself.
_SHARE_FOR_WAITING = 0.9
_CLOSE_TIMEOUT = 5.0
_SETTINGS = ("busy_timeout", "journal_mode", "synchronous", "log_limit")


class Connections:
    """Makes the connections of one backend. A database in memory has one, which is all that there is of it.

    Args:
        path: the file, or `:memory:`.
        setup: the statements that ask nothing of the task table.
        options: their deadlines.
    """

    def __init__(self, path: str, setup: Mapping[str, Statement], options: Options) -> None:
        self._path = path
        self._setup = setup
        self._options = options
        #: Seconds within which a write ends, and its wait for the lock before that.
        self.deadline = options.statement_timeout
        self._ending: set[asyncio.Future[Any]] = set()
        self._memory: SqliteConnection | None = None
        # Which file was open last.
        self._file: tuple[int, int] | None = None
        # Of which file the log says that it has replaced another one.
        self._said: tuple[int, int] | None = None

    def shared(
        self, probe: Callable[[sqlite3.Connection], None], probe_new: Callable[[sqlite3.Connection], None]
    ) -> SharedConnection[SqliteConnection]:
        """One for callers who take turns; `probe` looks at the table again where it has changed.

        `probe_new` looks at a file that has taken the place of the one that was open. Where it raises, the next caller
        looks again.
        """
        return SharedConnection(
            connect=lambda: self._connect_for(probe_new),
            discard=self._discard,
            usable=lambda connection: connection.usable,
            connect_timeout=self._options.connect_timeout,
            statement_timeout=self._options.statement_timeout,
            refresh=lambda connection: connection.read(probe),
            server=f"the database {self._path}",
        )

    def news(self) -> News:
        """What tells of commits."""
        if self._path == MEMORY:
            return Bell()
        return Watcher(self._connect, self._discard, self._setup["data_version"].text)

    def accept(self) -> None:
        """Take the file that is there, although it may have no task table yet: one is being made, or asked about."""
        if identity(self._path) is not None:
            self._file = None

    async def close(self, *closing: Callable[[], None]) -> None:
        """Close what uses connections, and then the database in memory.

        One after the other: the last connection to close folds the write-ahead log into the file, and of two that close
        at the same time neither is.
        """
        for close in closing:
            close()
            await self._settle()
        self._file = None
        memory, self._memory = self._memory, None
        if memory is not None:
            self._discard(memory)
            await self._settle()

    async def _connect_for(self, probe_new: Callable[[sqlite3.Connection], None]) -> SqliteConnection:
        """Connect, and look at the table again where another file has taken the place of the one that was open."""
        connection = await self._connect()
        if self._file is not None and connection.file != self._file:
            if self._said != connection.file:
                self._said = connection.file
                logger.warning(
                    "the database file %s was replaced while it was open: going on with the new one. What had not "
                    "ended in the old one is in that alone",
                    self._path,
                )
            try:
                await connection.read(probe_new)
            except BaseException:
                self._discard(connection)
                raise
        self._file = connection.file
        return connection

    async def _connect(self) -> SqliteConnection:
        if self._memory is not None:
            return self._memory
        if self._file is not None and identity(self._path) is None:
            raise DatabaseUnavailable(
                f"the database file {self._path} was deleted or moved away while it was open: put it back, or end what "
                "uses it and begin anew"
            )
        connection = SqliteConnection(
            self._path,
            settings=[self._setup[name].text for name in _SETTINGS],
            begin=self._setup["begin"].text,
            checkpoints=Checkpoints(self._setup),
            patience=lambda: _SHARE_FOR_WAITING * self.deadline,
        )
        try:
            await connection
        except Exception:
            self._discard(connection)
            await self._settle()
            raise
        except BaseException:
            self._discard(connection)
            raise
        if self._path == MEMORY:
            self._memory = connection
        return connection

    def _discard(self, connection: SqliteConnection) -> None:
        if connection is self._memory:
            return  # with the connection would go the database; what its thread has begun, it also ends
        ended = connection.stop()
        if ended is not None:
            self._ending.add(ended)
            ended.add_done_callback(self._ending.discard)

    async def _settle(self) -> None:
        """Wait for the threads that were told to end: they report to the event loop, which must still be there."""
        if self._ending:
            await asyncio.wait(self._ending, timeout=_CLOSE_TIMEOUT)
