"""A plain connection from the benchmark itself to the database, to count and to fill."""

from __future__ import annotations

import sqlite3
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pymysql


class Probe:
    """One connection in autocommit mode."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme == "postgresql":
            self._connection: Any = psycopg.connect(url, autocommit=True)
        elif parts.scheme == "mysql":
            self._connection = pymysql.connect(
                host=parts.hostname or "127.0.0.1",
                port=parts.port or 3306,
                user=parts.username,
                database=parts.path.removeprefix("/"),
                autocommit=True,
            )
        else:
            self._connection = sqlite3.connect(parts.path.removeprefix("/"), isolation_level=None, timeout=30)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Run a statement and return its rows."""
        cursor = self._connection.cursor()
        cursor.execute(sql)
        return list(cursor.fetchall()) if cursor.description else []

    def value(self, sql: str) -> Any:
        """Run a statement that returns one value."""
        return self.rows(sql)[0][0]

    def close(self) -> None:
        """Disconnect."""
        self._connection.close()
