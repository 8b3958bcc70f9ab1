"""A connection to one SQLite database, with a thread of its own."""

from __future__ import annotations

import asyncio
import contextlib
import random
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import aiosqlite

from asyncqueue.backends.common.callers_connection import SQLALCHEMY, closed, no_transaction
from asyncqueue.backends.common.unreadable import decoded
from asyncqueue.backends.sqlite.checkpoints import Checkpoints
from asyncqueue.backends.sqlite.errors import is_busy, is_undecodable
from asyncqueue.backends.sqlite.location import identity
from asyncqueue.errors import ConfigurationError

Result = TypeVar("Result")
Work = Callable[[sqlite3.Connection], Result]

# Seconds between two attempts at the write lock: drawn anew each time, and the same however long one has waited,
# so that of several processes none is favoured.
_PAUSES = (0.0005, 0.003)

# sqlite3.LEGACY_TRANSACTION_CONTROL: isolation_level decides.
_LEGACY = -1


class SqliteConnection(aiosqlite.Connection):
    """aiosqlite's connection, whose thread is given a whole transaction at once.

    Statement by statement, the write lock of the whole database would be held while each answer travels through the
    event loop, for as long as that is busy with something else; and a caller that is cancelled in between would leave
    a transaction that nobody ends. Here a transaction is begun and ended by the thread, whatever becomes of the caller.

    Args:
        path: the database file, or `:memory:`.
        settings: the statements run on a new connection.
        begin: the statement that begins a write.
        checkpoints: looks at the log now and then.
        patience: gives the seconds to try for a lock that another process holds.
    """

    def __init__(
        self, path: str, *, settings: Sequence[str], begin: str, checkpoints: Checkpoints, patience: Callable[[], float]
    ) -> None:
        super().__init__(self._open, iter_chunk_size=64)
        # A connection that was never closed must not keep the interpreter from exiting.
        self._thread.daemon = True
        self._path = path
        self._settings = settings
        self._begin = begin
        self._checkpoints = checkpoints
        self._patience = patience
        #: Which file it has opened.
        self.file: tuple[int, int] | None = None
        self._raw: sqlite3.Connection | None = None
        self._working = False
        self._stopping = threading.Event()
        self._ended: asyncio.Future[Any] | None = None

    @property
    def usable(self) -> bool:
        """Whether it has not been stopped, and its file is still the one at its path."""
        return not self._stopping.is_set() and identity(self._path) == self.file

    async def read(self, work: Work[Result]) -> Result:
        """Do `work` in the thread and return what it returns; again, when a lock was in its way.

        Raises sqlite3.Error, and whatever `work` raises.
        """
        return await self._call(work)

    async def write(self, work: Work[Result], *, patience: float | None = None) -> Result:
        """Do `work` in a transaction of its own: committed on return, rolled back if it raises.

        `patience` is in seconds, where the usual one will not do.

        Raises sqlite3.Error, and whatever `work` raises.
        """
        result = await self._call(lambda raw: self._transaction(raw, work), patience)
        if self._checkpoints.due and self.usable:
            # Nobody waits for it: what has been committed is not to be called late, or lost, for copying gigabytes.
            self._tx.put_nowait((None, self._consider_checkpoint))
        return result

    def stop(self) -> asyncio.Future[Any] | None:
        """Interrupt what the thread is doing, undo it, close the file and end the thread, without waiting for that.

        Returns a future that is done when the thread has ended, None outside an event loop.
        """
        if not self._stopping.is_set():
            self._stopping.set()
            # Only where there is something to interrupt: on an idle connection the interruption would hit its closing,
            # and leave the write-ahead log behind.
            if self._raw is not None and self._working:
                with contextlib.suppress(sqlite3.ProgrammingError):  # closed already
                    self._raw.interrupt()
            # Also what was opened for a caller who was cancelled before he had it, which aiosqlite knows nothing of.
            self._tx.put_nowait((None, self._shut))
            self._ended = super().stop()
        return self._ended

    async def _call(self, work: Work[Result], patience: float | None = None) -> Result:
        result: Result = await self._execute(  # type: ignore[no-untyped-call]
            self._patiently, self._conn, work, patience
        )
        return result

    # -- in the thread

    def _open(self) -> sqlite3.Connection:
        self._raw = sqlite3.connect(self._path, timeout=0, isolation_level=None)
        try:
            self._patiently(self._raw, self._set_up)
            self.file = identity(self._path)
        except BaseException:
            self._shut()
            raise
        return self._raw

    def _set_up(self, raw: sqlite3.Connection) -> None:
        for statement in self._settings:
            raw.execute(statement).fetchall()

    def _shut(self) -> None:
        if self._raw is not None:
            self._raw.close()

    def _patiently(self, raw: sqlite3.Connection, work: Work[Result], patience: float | None = None) -> Result:
        deadline = time.monotonic() + (self._patience() if patience is None else patience)
        self._working = True
        try:
            while not self._stopping.is_set():
                try:
                    return work(raw)
                except sqlite3.OperationalError as error:
                    if is_undecodable(error) and raw.text_factory is str:
                        # Some row has a text that is no UTF-8. The same work again, with a reader of texts that is
                        # slower and takes them all: texts as they should be cost nothing so.
                        raw.text_factory = decoded
                        continue
                    if not is_busy(error) or time.monotonic() >= deadline:
                        raise
                self._stopping.wait(random.uniform(*_PAUSES))  # noqa: S311 - jitter, no secret
            raise sqlite3.ProgrammingError("the connection was closed")
        finally:
            raw.text_factory = str
            self._working = False

    def _consider_checkpoint(self) -> None:
        if self._raw is not None and not self._stopping.is_set():
            self._working = True
            try:
                self._checkpoints.consider(self._raw)
            finally:
                self._working = False

    def _transaction(self, raw: sqlite3.Connection, work: Work[Result]) -> Result:
        raw.execute(self._begin)
        try:
            result = work(raw)
            if self._stopping.is_set():
                raise sqlite3.ProgrammingError("the connection was closed")
            raw.commit()
        except BaseException:
            raw.rollback()
            raise
        return result


def check_callers(connection: object) -> None:
    """Raise ConfigurationError for a caller's connection that is of another kind, not open, or in no transaction."""
    if not isinstance(connection, aiosqlite.Connection):
        raise ConfigurationError(
            f"connection= must be an aiosqlite connection for a SQLite queue, not {type(connection).__name__}. "
            f"{SQLALCHEMY}"
        )
    try:
        begun = connection.in_transaction
    except (ValueError, sqlite3.ProgrammingError) as error:  # as aiosqlite has it, and as sqlite3 has it
        raise closed() from error
    if not begun and _commits_each(connection):
        raise no_transaction('await connection.execute("BEGIN")')


def _commits_each(connection: aiosqlite.Connection) -> bool:
    """Whether the driver begins no transaction by itself before it writes."""
    autocommit = getattr(connection._conn, "autocommit", _LEGACY)  # since Python 3.12
    return connection.isolation_level is None if autocommit == _LEGACY else bool(autocommit)
