"""A database server the tests may make databases in: somebody else's, or one of their own."""

from __future__ import annotations

import os
import secrets
from abc import ABC, abstractmethod
from pathlib import Path
from signal import SIGKILL, SIGTERM, Signals
from typing import ClassVar, Final
from urllib.parse import urlsplit, urlunsplit

from tests.servers import client, debian
from tests.servers.installation import Installation
from tests.servers.process import Process, free_port

_START_TIMEOUT = 60.0

#: What the tests call the databases that are servers, and what their makers call them.
PRODUCTS: Final = {"postgresql": "PostgreSQL", "mysql": "MySQL", "mariadb": "MariaDB"}


class ServerMissing(Exception):
    """No server of this kind can be had. The message says why and what would help."""


class Server:
    """A running server. `url` leads to it with no particular database."""

    def __init__(self, dialect: str, url: str, origin: str) -> None:
        self.dialect = dialect
        self.url = url
        self.product = PRODUCTS[dialect]
        self.origin = origin
        self.version = ""
        #: Whom the databases made here belong to, if not to the one in `url`.
        self.user: str | None = None
        self._databases: set[str] = set()

    def check(self) -> None:
        """Ask what it is. Raises ServerMissing if it is another product than its dialect says."""
        [(version,)] = client.execute(self.url, "SELECT version()")
        # Oracle's own gives a bare number.
        name = next((name for name in ("PostgreSQL", "MariaDB") if name in version), "MySQL")
        if name != self.product:
            raise ServerMissing(f"the server at {self.url} is {name} ({version}), not {self.product}")
        self.version = version.removeprefix("PostgreSQL ").split()[0].split("-")[0]

    def create_database(self, name: str = "empty") -> str:
        """Make an empty database and return its URL. `name` is a hint: the database's own name is unique."""
        database = f"asyncqueue_test_{name}_{secrets.token_hex(4)}"
        # Like Django's documentation asks for; a MariaDB without configuration would take latin1.
        if self.dialect == "postgresql":
            client.execute(self.url, f"CREATE DATABASE {database} {f'OWNER {self.user}' if self.user else ''}")
        else:
            client.execute(self.url, f"CREATE DATABASE {database} CHARACTER SET utf8mb4")
            if self.user:
                client.execute(self.url, f"GRANT ALL ON {database}.* TO {self.user}")
        self._databases.add(database)
        parts = urlsplit(self.url)
        netloc = f"{self.user}@{parts.netloc.rpartition('@')[2]}" if self.user else parts.netloc
        return urlunsplit(parts._replace(netloc=netloc, path=f"/{database}"))

    def drop_database(self, url: str) -> None:
        """Drop a database made here, even with clients connected to it."""
        database = urlsplit(url).path.removeprefix("/")
        force = " WITH (FORCE)" if self.dialect == "postgresql" else ""
        client.execute(self.url, f"DROP DATABASE IF EXISTS {database}{force}")
        self._databases.discard(database)

    def close(self) -> None:
        """Leave nothing behind."""
        for database in list(self._databases):
            self.drop_database(database)


class LocalServer(Server, ABC):
    """A server of the tests' own, on a free loopback port, with a new data directory."""

    abort_signal: ClassVar[Signals] = SIGKILL
    stop_signal: ClassVar[Signals] = SIGTERM

    def __init__(self, dialect: str, installation: Installation) -> None:
        self.installation = installation
        self.port = free_port()
        self.directory = installation.make_directory(dialect)
        super().__init__(dialect, self.address(), installation.origin)
        self._process: Process | None = None
        try:
            self.initialise()
            self.start()
            self.check()
            self._create_user("worker")
        except BaseException:
            self.close()
            raise

    @classmethod
    @abstractmethod
    def find(cls) -> Installation | None:
        """Look for this server's programs on the machine."""

    @classmethod
    @abstractmethod
    def fetch(cls, folder: Path) -> Installation:
        """Get them into a folder of their own. Raises InstallationFailed."""

    @classmethod
    def install(cls, dialect: str) -> Installation:
        """Find its programs, or fetch them into this checkout. Raises InstallationFailed."""
        return cls.find() or cls.fetch(debian.CACHE / dialect)

    @abstractmethod
    def address(self) -> str:
        """The URL of the port."""

    @abstractmethod
    def initialise(self) -> None:
        """Fill the data directory."""

    @abstractmethod
    def command(self) -> list[str]:
        """The command line that runs the server in the foreground."""

    @property
    def data(self) -> str:
        """The data directory's path as the server's own programs see it."""
        return self.installation.inside(self.directory / "data")

    @property
    def running(self) -> bool:
        """Whether it was started and not stopped."""
        return self._process is not None

    def start(self) -> None:
        """Start it, again on the same port, and return when it answers."""
        if self._process is not None:
            raise RuntimeError(f"{self.product} runs already")
        self._process = Process(self.command(), self.directory, self.abort_signal)
        self._process.wait_until(self._answers, _START_TIMEOUT)

    def stop(self) -> None:
        """Shut it down cleanly, at once: clients are disconnected, not waited for."""
        self._end(self.stop_signal)

    def kill(self) -> None:
        """End it as a crash would: it has to recover when it starts again."""
        self._end(self.abort_signal)

    def restart(self) -> None:
        """Stop it and start it."""
        self.stop()
        self.start()

    def close(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.abandon()
        else:
            self.installation.remove_directory(self.directory)

    def _end(self, signal: Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            raise RuntimeError(f"{self.product} does not run")
        process.end(signal)

    def _create_user(self, name: str) -> None:
        """An ordinary user without privileges beyond a database: as administrator a test would miss what such lacks."""
        client.execute(self.url, f"CREATE ROLE {name} LOGIN" if self.dialect == "postgresql" else f"CREATE USER {name}")
        self.user = name

    def _answers(self) -> bool:
        try:
            client.execute(self.url, "SELECT 1")
        except client.ERRORS:
            return False
        return True


def url_from_environment(dialect: str) -> str | None:
    """The value of ASYNCQUEUE_TEST_<DIALECT>_URL, if that is set."""
    return os.environ.get(_variable(dialect)) or None


def from_environment(dialect: str) -> Server | None:
    """The server at that URL. Raises ServerMissing if it is none of this dialect."""
    url = url_from_environment(dialect)
    if url is None:
        return None
    name = _variable(dialect)
    scheme = "postgresql" if dialect == "postgresql" else "mysql"
    if urlsplit(url).scheme != scheme:
        raise ServerMissing(f"{name} must start with {scheme}://")
    server = Server(dialect, url, name)
    try:
        server.check()
    except client.ERRORS as error:
        raise ServerMissing(f"the server at {name} does not answer: {error}") from error
    return server


def _variable(dialect: str) -> str:
    return f"ASYNCQUEUE_TEST_{dialect.upper()}_URL"
