"""What sqlite3's errors mean to asyncqueue."""

from __future__ import annotations

import sqlite3

from asyncqueue.backends.common.table import Table
from asyncqueue.errors import DatabaseBusy, DatabaseError, DatabaseReadOnly, DatabaseUnavailable, DataRejected

_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_DATABASE = (
    sqlite3.SQLITE_AUTH,
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_FORMAT,
    sqlite3.SQLITE_INTERNAL,
    sqlite3.SQLITE_MISUSE,
    sqlite3.SQLITE_NOTADB,
    sqlite3.SQLITE_SCHEMA,
)
_DATABASE_TEXTS = ("syntax error", "already exists", "duplicate column", "no such index")
_AWAY = (
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_INTERRUPT,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_PROTOCOL,
)


def translate(error: BaseException, table: Table, path: str) -> Exception | None:
    """The asyncqueue error for a driver's error, None for one that is not the database's."""
    if isinstance(error, DatabaseError):
        return error
    if isinstance(error, UnicodeEncodeError | OverflowError | sqlite3.DataError | sqlite3.InterfaceError):
        return DataRejected(f"SQLite refused a value: {error}")
    if isinstance(error, sqlite3.Error):
        return _by_code(error, path) or _by_text(error, table, path)
    return None


def is_busy(error: sqlite3.Error) -> bool:
    """Whether a lock was in the way."""
    return _code(error) in _BUSY


def is_undecodable(error: sqlite3.Error) -> bool:
    """Whether a text that was read is no UTF-8. The Python module raises that itself, so there is no code."""
    return str(error).startswith("Could not decode to UTF-8")


def _code(error: sqlite3.Error) -> int:
    # The low byte is the kind of error. What the Python module itself raises has no code.
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_OK) & 0xFF


def _by_code(error: sqlite3.Error, path: str) -> Exception | None:
    code = _code(error)
    if code in _BUSY:
        return DatabaseBusy(f"another process holds the lock of {path} for too long: {error}")
    if code == sqlite3.SQLITE_READONLY:
        return DatabaseReadOnly(f"SQLite cannot write to {path}: {error}")
    if code in _AWAY:
        return DatabaseUnavailable(f"SQLite cannot use {path}: {error}")
    return None


def _by_text(error: sqlite3.Error, table: Table, path: str) -> Exception:
    text = str(error)
    if text.startswith("no such table"):
        return table.not_there(text)
    if text.startswith("no such column") or "has no column named" in text:
        return table.changed(text)
    if isinstance(error, sqlite3.ProgrammingError) and "closed" in text:
        return DatabaseUnavailable(f"{path}: {error}")
    if _code(error) in _DATABASE or any(each in text for each in _DATABASE_TEXTS):
        return DatabaseError(f"SQLite, {path}: {error}")
    # What is about no file, no lock and no schema is about a row: a value, or what somebody's trigger raises.
    return DataRejected(f"SQLite refused a value: {error}")
