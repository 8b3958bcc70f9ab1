"""Options that MySQL and MariaDB have in common."""

from __future__ import annotations

import os

from tests.servers.server import LocalServer


def server_options(server: LocalServer) -> list[str]:
    """A server without configuration files: as durable as by default, but small."""
    directory = server.installation.inside(server.directory)
    options = [
        "--no-defaults",
        f"--datadir={server.data}",
        f"--socket={directory}/s.sock",
        f"--pid-file={directory}/pid",
        # A server that starts removes the temporary tables that it finds, of others that share the directory, too.
        f"--tmpdir={directory}",
        "--innodb-buffer-pool-size=64M",
    ]
    return [*options, "--user=root"] if os.geteuid() == 0 else options
