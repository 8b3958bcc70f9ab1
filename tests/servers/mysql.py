"""MySQL of the tests' own: Oracle's, not the MariaDB that some systems call mysqld."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.servers import debian
from tests.servers.installation import Installation, on_machine
from tests.servers.options import server_options
from tests.servers.process import run
from tests.servers.server import LocalServer


class MySQL(LocalServer):
    @classmethod
    def find(cls) -> Installation | None:
        program = on_machine("mysqld")
        if program is None or "mariadb" in _version(program).lower():
            return None
        return Installation(program.parent, "found on this machine")

    @classmethod
    def fetch(cls, folder: Path) -> Installation:
        # Debian's stable releases have none; its unstable suite has, and brings the libraries it needs along.
        root = debian.fetch(folder, ["mysql-server-core"], suite="sid")
        return Installation(Path("/usr/sbin"), "fetched from Debian sid", root)

    def address(self) -> str:
        return f"mysql://root@127.0.0.1:{self.port}/"

    def initialise(self) -> None:
        run(self.installation.command("mysqld", *server_options(self), "--initialize-insecure"))

    def command(self) -> list[str]:
        options = [*server_options(self), f"--port={self.port}", "--bind-address=127.0.0.1"]
        return self.installation.command("mysqld", *options, "--mysqlx=OFF", "--secure-file-priv=NULL")


def _version(program: Path) -> str:
    return subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout
