"""The database servers of a benchmark: the test suite's own, with more memory and log, durable unless told otherwise.

    python -m benchmarks.servers postgresql mysql mariadb

starts them, prints their URLs and ends them with Ctrl-C. A URL in ASYNCQUEUE_BENCH_<NAME>_URL, of a user who may
create databases, is used instead of starting one.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sqlite3
import tempfile
from collections.abc import Iterator

from tests.servers.mariadb import MariaDB
from tests.servers.mysql import MySQL
from tests.servers.postgresql import PostgreSQL
from tests.servers.server import LocalServer, Server

DIALECTS = ("postgresql", "mysql", "mariadb", "sqlite")
#: A quarter of the machine's, as PostgreSQL's manual recommends.
_MEMORY_MB = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 4 // 2**20


class _PostgreSQL(PostgreSQL):
    durable = True

    def command(self) -> list[str]:
        relaxed = [] if self.durable else ["-c", "synchronous_commit=off", "-c", "fsync=off"]
        # A checkpoint's full pages would meet one contender and spare the next.
        log = ["-c", "max_wal_size=16GB", "-c", "checkpoint_timeout=30min"]
        return [*super().command(), "-c", f"shared_buffers={_MEMORY_MB}MB", *log, *relaxed]


class _MySQL(MySQL):
    durable = True

    def command(self) -> list[str]:
        relaxed = [] if self.durable else ["--innodb-flush-log-at-trx-commit=0", "--sync-binlog=0"]
        memory = f"--innodb-buffer-pool-size={_MEMORY_MB}M"
        return [*super().command(), memory, "--loose-innodb-redo-log-capacity=4G", *relaxed]


class _MariaDB(MariaDB):
    durable = True

    def command(self) -> list[str]:
        relaxed = [] if self.durable else ["--innodb-flush-log-at-trx-commit=0"]
        memory = f"--innodb-buffer-pool-size={_MEMORY_MB}M"
        return [*super().command(), memory, "--innodb-log-file-size=4G", *relaxed]


_KINDS: dict[str, type[_PostgreSQL | _MySQL | _MariaDB]] = {
    "postgresql": _PostgreSQL,
    "mysql": _MySQL,
    "mariadb": _MariaDB,
}


class Place:
    """Where databases are made: a server, or a folder for SQLite files."""

    def __init__(self, dialect: str, *, durable: bool = True) -> None:
        self.dialect = dialect
        self.durable = durable
        self._server: Server | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        if dialect == "sqlite":
            self._folder = tempfile.TemporaryDirectory(prefix="asyncqueue-bench-")
        else:
            self._server = _server(dialect, durable)
            self.url = self._server.url

    @property
    def title(self) -> str:
        """What it is, with its version."""
        if self._server is None:
            return f"SQLite {sqlite3.sqlite_version}"
        return f"{self._server.product} {self._server.version}"

    def create(self) -> str:
        """A new, empty database's URL."""
        if self._folder is not None:
            return f"sqlite:///{tempfile.mkdtemp(dir=self._folder.name)}/bench.sqlite3"
        assert self._server is not None
        return self._server.create_database("bench")

    def drop(self, url: str) -> None:
        """Drop it."""
        if self._server is not None:
            self._server.drop_database(url)

    def close(self) -> None:
        """End the server, if it was started here."""
        if self._server is not None:
            self._server.close()
        if self._folder is not None:
            self._folder.cleanup()


def _server(dialect: str, durable: bool) -> Server:
    url = os.environ.get(f"ASYNCQUEUE_BENCH_{dialect.upper()}_URL")
    if url:
        server = Server(dialect, url, "given")
        server.check()
        return server
    base = _KINDS[dialect]
    kind: type[LocalServer] = type(base.__name__, (base,), {"durable": durable})
    return kind(dialect, kind.install(dialect))


@contextlib.contextmanager
def place(dialect: str, *, durable: bool = True) -> Iterator[Place]:
    """A place for the time of a block."""
    made = Place(dialect, durable=durable)
    try:
        yield made
    finally:
        made.close()


def main() -> None:
    """Start servers, print URLs, wait."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dialects", nargs="+", choices=DIALECTS[:3])
    parser.add_argument("--relaxed", action="store_true", help="without durability, for comparison")
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        for dialect in options.dialects:
            print(stack.enter_context(place(dialect, durable=not options.relaxed)).url, flush=True)
        signal.sigwait({signal.SIGINT, signal.SIGTERM})


if __name__ == "__main__":
    main()
