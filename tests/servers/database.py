"""Databases with the task table as Django's own migrations make it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

from asyncqueue import Queue
from tests.djangoapp import DjangoSide, Shape
from tests.servers import client
from tests.servers.server import Server

TABLE: Final = "django_simple_queue_task"

_INDEXES = {
    "postgresql": "SELECT indexrelid::regclass::text FROM pg_index WHERE indrelid = %s::regclass AND NOT indisprimary",
    "mysql": "SELECT DISTINCT index_name FROM information_schema.statistics "
    "WHERE table_schema = database() AND table_name = %s AND index_name <> 'PRIMARY'",
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'index' AND tbl_name = %s AND sql IS NOT NULL",
}


_SIDE_TABLES = tuple(
    f"asyncqueue_{name}"
    for name in ("queues", "attempts", "workers", "keys", "ticks", "chores", "limits", "limited", "edges")
)


class Database:
    """A database of the tests.

    Args:
        dialect: postgresql, mysql, mariadb or sqlite.
        url: as asyncqueue takes it.
        shape: 7 or 10 columns; None where there is no table yet.
        django: gives the Django project on it.
        server: the server it is in, None for SQLite.
    """

    table = TABLE

    def __init__(
        self, dialect: str, url: str, shape: Shape | None, django: Callable[[], DjangoSide], server: Server | None
    ) -> None:
        self.dialect = dialect
        self.url = url
        self.shape = shape
        self.server = server
        self._django = django
        self._migrated = False

    def __repr__(self) -> str:
        return f"<{self.dialect} {self.shape} {self.url}>"

    @property
    def django(self) -> DjangoSide:
        """A Django project (USE_TZ, UTC) on this database."""
        return self._django()

    def execute(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Run one statement, with `%s` for its parameters, and return its rows as the plain driver has them."""
        return client.execute(self.url, self._placeholders(sql), *parameters)

    def administer(self, sql: str) -> None:
        """Run one statement in this database as the server's administrator, with its placeholders as they are."""
        assert self.server is not None
        client.execute(urlunsplit(urlsplit(self.server.url)._replace(path=urlsplit(self.url).path)), sql)

    def indexes(self) -> list[str]:
        """The names of the task table's indexes, its primary key's apart."""
        query = _INDEXES["mysql" if self.dialect == "mariadb" else self.dialect]
        return sorted(name for (name,) in self.execute(query, TABLE))

    def migrate(self) -> None:
        """Bring the table to level 1."""

        async def migrate() -> None:
            async with Queue(self.url) as queue:
                await queue.migrate()

        asyncio.run(migrate())
        self._migrated = True

    def clean(self) -> None:
        """Take rows and indexes away, so that the table is as migrations left it."""
        indexes = [] if self._migrated else self.indexes()
        where = "" if self.dialect in ("postgresql", "sqlite") else f" ON {TABLE}"
        empty = "DELETE FROM" if self.dialect == "sqlite" else "TRUNCATE TABLE"
        tables = (TABLE, *(_SIDE_TABLES if self._migrated else ()))
        client.execute_all(
            self.url, [*(f"DROP INDEX {name}{where}" for name in indexes), *(f"{empty} {table}" for table in tables)]
        )

    def _placeholders(self, sql: str) -> str:
        return sql.replace("%s", "?") if self.dialect == "sqlite" else sql
