"""MariaDB of the tests' own."""

from __future__ import annotations

from pathlib import Path

from tests.servers import debian
from tests.servers.installation import Installation, on_machine
from tests.servers.options import server_options
from tests.servers.process import run
from tests.servers.server import LocalServer

# An administrator without a password, and nobody else.
_PREAMBLE = """\
CREATE DATABASE IF NOT EXISTS mysql;
USE mysql;
SET @auth_root_socket = NULL;
SET @skip_auth_anonymous = 1;
"""


class MariaDB(LocalServer):
    @classmethod
    def find(cls) -> Installation | None:
        program = on_machine("mariadbd")
        return Installation(program.parent, "found on this machine") if program else None

    @classmethod
    def fetch(cls, folder: Path) -> Installation:
        root = debian.fetch(folder, ["mariadb-server-core"])
        return Installation(Path("/usr/sbin"), "fetched from Debian", root)

    def address(self) -> str:
        return f"mysql://root@127.0.0.1:{self.port}/"

    def initialise(self) -> None:
        # What mariadb-install-db does, without the tools of further packages that it calls.
        (self.directory / "data").mkdir()
        (self.directory / "data" / "mysql").mkdir()
        options = [*server_options(self), "--bootstrap", "--log-warnings=0"]
        run(self.installation.command("mariadbd", *options), text=_PREAMBLE + self._system_tables())

    def command(self) -> list[str]:
        options = [*server_options(self), f"--port={self.port}", "--bind-address=127.0.0.1"]
        return self.installation.command("mariadbd", *options)

    def _system_tables(self) -> str:
        prefix = self.installation.root / self.installation.programs.parent.relative_to("/")
        scripts = []
        for part in ("system_tables", "performance_tables", "system_tables_data"):
            # mysql_*.sql in share/mysql before MariaDB 11
            found = [*prefix.glob(f"share/mariadb/m*_{part}.sql"), *prefix.glob(f"share/mysql/m*_{part}.sql")]
            scripts.append(found[0].read_text())
        return "".join(scripts)
