"""Plain synchronous SQL on any of the databases, for setting up and looking at what asyncqueue did."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

import psycopg
import pymysql

ERRORS: tuple[type[Exception], ...] = (psycopg.Error, pymysql.MySQLError, sqlite3.Error, OSError)

# Another test's forgotten transaction must show up as an error here, not as a run that stands still.
_LOCK_TIMEOUT = 10


class Cursor(Protocol):
    """What the drivers' cursors have in common. Placeholders are `%s`, `?` on SQLite."""

    @property
    def description(self) -> Any: ...

    def execute(self, sql: str, parameters: Sequence[object] = (), /) -> object: ...

    def fetchall(self) -> Sequence[Sequence[Any]]: ...


@contextmanager
def connect(url: str) -> Iterator[Cursor]:
    """A cursor in autocommit mode on the database at `url`."""
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        path = unquote(parts.path.removeprefix("/"))
        with closing(sqlite3.connect(path, timeout=_LOCK_TIMEOUT, isolation_level=None)) as lite:
            yield lite.cursor()
    elif parts.scheme == "postgresql":
        options = f"-c lock_timeout={_LOCK_TIMEOUT}s"
        with closing(psycopg.connect(url, autocommit=True, connect_timeout=5, options=options)) as postgres:
            yield postgres.cursor()
    else:
        with closing(_mysql(url)) as mysql, mysql.cursor() as cursor:
            yield cursor


def execute(url: str, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
    """Run one statement on a connection of its own and return its rows, if it has any."""
    with connect(url) as cursor:
        cursor.execute(sql, parameters)
        return [tuple(row) for row in cursor.fetchall()] if cursor.description else []


def execute_all(url: str, statements: Sequence[str]) -> None:
    """Run several statements, without parameters, on a connection of their own."""
    with connect(url) as cursor:
        for sql in statements:
            cursor.execute(sql)


def plain(url: str, sql: str) -> None:
    """Run one statement on PostgreSQL with no setting of a session, which a pooler would refuse."""
    with closing(psycopg.connect(url, autocommit=True, connect_timeout=5)) as connection:
        connection.execute(sql)


def _mysql(url: str) -> pymysql.Connection[Any]:
    parts = urlsplit(url)
    return pymysql.connect(
        host=parts.hostname or "127.0.0.1",
        port=parts.port or 3306,
        user=unquote(parts.username or "root"),
        password=unquote(parts.password or ""),
        database=unquote(parts.path.removeprefix("/")) or None,
        autocommit=True,
        connect_timeout=5,
        read_timeout=60,
        # Else PyMySQL reads all of the system's certificates for every connection, which takes longer than most tests.
        ssl_disabled=True,
        init_command=f"SET SESSION lock_wait_timeout = {_LOCK_TIMEOUT}, innodb_lock_wait_timeout = {_LOCK_TIMEOUT}",
    )
