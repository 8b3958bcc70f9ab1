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
    found = installation()
    directory = found.make_directory("pgbouncer")
    parts, port = urlsplit(url), free_port()
    password = parts.password or ""
    (directory / "users").write_text(f'"{parts.username}" "{password}"\n')
    (directory / "pgbouncer.ini").write_text(
        f"[databases]\n* = host={parts.hostname} port={parts.port}\n"
        f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
        f"pool_mode = {mode}\nauth_type = trust\nauth_file = {found.inside(directory / 'users')}\n"
    )
    if os.geteuid() == 0:
        for path in directory.iterdir():
            os.chown(path, *nobody())
    command = found.command("pgbouncer", found.inside(directory / "pgbouncer.ini"), unprivileged=True)
    process = Process(command, directory, SIGKILL)
    there = urlunsplit(parts._replace(netloc=f"{parts.netloc.rpartition('@')[0]}@127.0.0.1:{port}"))
    try:
        process.wait_until(lambda: _answers(there), _START_TIMEOUT)
        yield there
    finally:
        process.abandon()


def _answers(url: str) -> bool:
    try:
        client.plain(url, "SELECT 1")
    except client.ERRORS:
        return False
    return True
