"""PgBouncer of the tests' own, in front of a PostgreSQL server."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from signal import SIGKILL
from urllib.parse import urlsplit, urlunsplit

from tests.servers import client, debian
from tests.servers.installation import Installation, nobody, on_machine
from tests.servers.process import Process, free_port

_START_TIMEOUT = 30.0


def installation() -> Installation:
    """The machine's PgBouncer, or one fetched from Debian. Raises InstallationFailed."""
    program = on_machine("pgbouncer")
    if program is not None:
        return Installation(program.parent, "found on this machine")
    return Installation(
        Path("/usr/sbin"), "fetched from Debian", debian.fetch(debian.CACHE / "pgbouncer", ["pgbouncer"])
    )


@contextmanager
def pooled(url: str, mode: str) -> Iterator[str]:
    """The URL of the same database by way of a PgBouncer that pools transactions or sessions, for a block."""
    pooler = Pooler(url, mode)
    try:
        pooler.start()
        yield pooler.url
    finally:
        pooler.abandon()


class Pooler:
    """A PgBouncer before this database. `url` leads there, also after it was started again."""

    def __init__(self, url: str, mode: str) -> None:
        found = installation()
        self._directory = found.make_directory("pgbouncer")
        parts, port = urlsplit(url), free_port()
        users, settings = self._directory / "users", self._directory / "pgbouncer.ini"
        users.write_text(f'"{parts.username}" "{parts.password or ""}"\n')
        settings.write_text(
            f"[databases]\n* = host={parts.hostname} port={parts.port}\n"
            f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
            f"pool_mode = {mode}\nauth_type = trust\nauth_file = {found.inside(users)}\n"
        )
        if os.geteuid() == 0:
            for path in self._directory.iterdir():
                os.chown(path, *nobody())
        self._command = found.command("pgbouncer", found.inside(settings), unprivileged=True)
        self._process: Process | None = None
        self.url = urlunsplit(parts._replace(netloc=f"{parts.netloc.rpartition('@')[0]}@127.0.0.1:{port}"))

    def start(self) -> None:
        """Start it, and return when it answers."""
        self._process = Process(self._command, self._directory, SIGKILL)
        self._process.wait_until(lambda: _answers(self.url), _START_TIMEOUT)

    def kill(self) -> None:
        """End it as a crash does."""
        if self._process is not None:
            self._process.end(SIGKILL)

    def abandon(self) -> None:
        """End it for good."""
        if self._process is not None:
            self._process.abandon()


def _answers(url: str) -> bool:
    try:
        client.plain(url, "SELECT 1")
    except client.ERRORS:
        return False
    return True
