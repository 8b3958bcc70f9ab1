"""The databases of one test run."""

from __future__ import annotations

import shutil
import tempfile
from functools import partial
from pathlib import Path

from tests.djangoapp import DjangoSide, Shape
from tests.servers.cases import Case
from tests.servers.database import Database
from tests.servers.pool import Servers
from tests.servers.server import Server


class Databases:
    """Makes databases, and keeps those that cost much to make for the next test.

    Args:
        servers: where they are made.
        folder: where the SQLite files with the table are made that each test gets a copy of.
    """

    def __init__(self, servers: Servers, folder: Path) -> None:
        self._servers = servers
        self._folder = folder
        self._kept: dict[Case, Database] = {}
        self._projects: dict[str, DjangoSide] = {}

    def kept(self, case: Case, folder: Path) -> Database:
        """A database with a clean task table; of a server it is the same one every time."""
        if case.dialect == "sqlite":
            return self.fresh(case, folder)
        if case not in self._kept:
            self._kept[case] = self.fresh(case, folder)
        database = self._kept[case]
        database.clean()
        return database

    def fresh(self, case: Case, folder: Path, server: Server | None = None) -> Database:
        """A new database with the task table, for `discard` or `kept`."""
        if case.shape is None:
            raise ValueError("a database with the task table needs a shape")
        if case.dialect == "sqlite":
            made = self._copy(case.shape, folder)
        else:
            server = server or self._servers.get(case.dialect)
            url = server.create_database(f"django{case.shape}")
            self._django(url, case.shape).migrate()
            made = Database(case.dialect, url, case.shape, partial(self._django, url, case.shape), server)
        if case.migrated:
            made.migrate()
        return made

    def empty(self, case: Case, folder: Path) -> Database:
        """A new database with nothing in it. Its `django` is the ten-column project, which has not migrated."""
        if case.dialect == "sqlite":
            url, server = f"sqlite:///{folder / 'empty.sqlite3'}", None
        else:
            server = self._servers.get(case.dialect)
            url = server.create_database("empty")
        return Database(case.dialect, url, None, partial(self._django, url, 10), server)

    def discard(self, database: Database) -> None:
        """Drop a database that `fresh` or `empty` made. SQLite's goes with its folder."""
        if django := self._projects.pop(database.url, None):
            django.close()
        if database.server is not None:
            database.server.drop_database(database.url)

    def close(self) -> None:
        """End the Django processes."""
        for django in self._projects.values():
            django.close()

    def _django(self, url: str, shape: Shape) -> DjangoSide:
        if url not in self._projects:
            self._projects[url] = DjangoSide(url, shape)
        return self._projects[url]

    def _copy(self, shape: Shape, folder: Path) -> Database:
        original = self._folder / f"django{shape}.sqlite3"
        django = self._django(f"sqlite:///{original}", shape)
        if not original.exists():
            django.migrate()
        copy = Path(tempfile.mkdtemp(dir=folder)) / "tasks.sqlite3"
        shutil.copy(original, copy)
        url = f"sqlite:///{copy}"

        def connected() -> DjangoSide:
            django.connect(url)
            return django

        return Database("sqlite", url, shape, connected, server=None)
