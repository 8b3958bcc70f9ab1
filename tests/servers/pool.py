"""The servers of one test run, each made when it is first asked for."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from tests.servers import client
from tests.servers.installation import Installation, InstallationFailed
from tests.servers.mariadb import MariaDB
from tests.servers.mysql import MySQL
from tests.servers.postgresql import PostgreSQL, Standby
from tests.servers.process import ProcessFailed
from tests.servers.server import PRODUCTS, LocalServer, Server, ServerMissing, from_environment, url_from_environment

_LOCAL: dict[str, type[LocalServer]] = {"postgresql": PostgreSQL, "mysql": MySQL, "mariadb": MariaDB}

_FAILURES: tuple[type[Exception], ...] = (ServerMissing, InstallationFailed, ProcessFailed, *client.ERRORS)

Made = TypeVar("Made")


class Servers:
    """Hands out servers by dialect. What could not be had once is not tried again."""

    def __init__(self) -> None:
        self._shared: dict[str, Server] = {}
        self._restartable: dict[str, LocalServer] = {}
        self._installations: dict[str, Installation] = {}
        self._missing: dict[str, str] = {}

    @property
    def missing(self) -> list[str]:
        """Why each dialect that was asked for in vain has no server, and how to get one."""
        return list(self._missing.values())

    @property
    def used(self) -> list[Server]:
        """The servers that were handed out."""
        return [*self._shared.values(), *self._restartable.values()]

    def get(self, dialect: str) -> Server:
        """The server that all tests share. Raises ServerMissing."""
        if dialect not in self._shared:
            self._shared[dialect] = self._once(dialect, lambda: from_environment(dialect) or self._start(dialect))
        return self._shared[dialect]

    def restartable(self, dialect: str) -> LocalServer:
        """A second server, running, for tests that stop and start it. Raises ServerMissing."""
        if dialect not in self._restartable:
            self._restartable[dialect] = self._once(dialect, lambda: self._start(dialect))
        return self._restartable[dialect]

    def replicated(self) -> tuple[PostgreSQL, Standby]:
        """A PostgreSQL and its standby, running, for a test that stops the first: close both. Raises ServerMissing."""

        def make() -> tuple[PostgreSQL, Standby]:
            primary = PostgreSQL("postgresql", self._installation("postgresql"))
            try:
                return primary, Standby(primary)
            except BaseException:
                primary.close()
                raise

        return self._once("postgresql", make)

    def prepare(self, dialect: str) -> None:
        """Fetch the server's programs if they are missing, so that no test waits for a download."""
        if not url_from_environment(dialect):
            with suppress(ServerMissing):
                self._once(dialect, lambda: self._installation(dialect))

    def close(self) -> None:
        """End what was started and drop what was made in servers that were not."""
        for server in self.used:
            server.close()

    def _start(self, dialect: str) -> LocalServer:
        return _LOCAL[dialect](dialect, self._installation(dialect))

    def _installation(self, dialect: str) -> Installation:
        if dialect not in self._installations:
            self._installations[dialect] = _LOCAL[dialect].install(dialect)
        return self._installations[dialect]

    def _once(self, dialect: str, make: Callable[[], Made]) -> Made:
        if dialect not in self._missing:
            try:
                return make()
            except _FAILURES as error:
                self._missing[dialect] = (
                    f"no {PRODUCTS[dialect]} server: {error}. To have one, set ASYNCQUEUE_TEST_{dialect.upper()}_URL "
                    "(compose.yaml starts all three), or install it, or run as root on Debian."
                )
        raise ServerMissing(self._missing[dialect])
