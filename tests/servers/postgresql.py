"""PostgreSQL of the tests' own."""

from __future__ import annotations

from pathlib import Path
from signal import SIGINT, SIGQUIT

from tests.servers import client, debian
from tests.servers.installation import Installation, on_machine
from tests.servers.process import run
from tests.servers.server import LocalServer


class PostgreSQL(LocalServer):
    """Runs as nobody if the tests run as root, which PostgreSQL refuses."""

    abort_signal = SIGQUIT  # the postmaster takes its children along, which SIGKILL would orphan for a while
    stop_signal = SIGINT  # SIGTERM would wait for clients to leave

    @classmethod
    def find(cls) -> Installation | None:
        folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: path.parent.name, reverse=True)
        program = on_machine("initdb", *map(str, folders))
        return Installation(program.parent, "found on this machine") if program else None

    @classmethod
    def fetch(cls, folder: Path) -> Installation:
        root = debian.fetch(folder, ["postgresql"])
        programs = next(root.glob("usr/lib/postgresql/*/bin"))
        return Installation(Path("/") / programs.relative_to(root), "fetched from Debian", root)

    def address(self) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def initialise(self) -> None:
        options = ["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]
        run(self.installation.command("initdb", "-D", self.data, *options, unprivileged=True))

    def command(self) -> list[str]:
        settings = ("listen_addresses=127.0.0.1", "unix_socket_directories=", "shared_buffers=32MB")
        options = [option for setting in settings for option in ("-c", setting)]
        return self.installation.command("postgres", "-D", self.data, "-p", str(self.port), *options, unprivileged=True)


class Standby(PostgreSQL):
    """A replica of a running server, to which the primary streams what it commits, and waits for it.

    It takes no writes until it is promoted.
    """

    def __init__(self, primary: PostgreSQL) -> None:
        self._primary = primary
        super().__init__(primary.dialect, primary.installation)
        client.execute(primary.url, "ALTER SYSTEM SET synchronous_standby_names = '*'")
        client.execute(primary.url, "SELECT pg_reload_conf()")

    def initialise(self) -> None:
        where = ["-h", "127.0.0.1", "-p", str(self._primary.port), "-U", "postgres", "-D", self.data]
        options = ["--write-recovery-conf", "--wal-method=stream", "--checkpoint=fast", "--no-sync"]
        run(self.installation.command("pg_basebackup", *where, *options, unprivileged=True))

    def promote(self) -> None:
        """Let it take writes. Returns when it does."""
        client.execute(self.url, "SELECT pg_promote(true, 30)")

    def _create_user(self, name: str) -> None:
        self.user = name  # the primary's
