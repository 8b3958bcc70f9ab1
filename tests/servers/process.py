"""Starting and ending a server's process."""

from __future__ import annotations

import os
import random
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from signal import Signals

from tests.servers import guard


class ProcessFailed(Exception):
    """A server or one of its tools ended with an error. The message has its last words."""


class Process:
    """A server under its guard, in a session of its own so that Ctrl-C in the terminal does not reach it.

    Args:
        command: what to run.
        directory: the server's directory, which gets its log and goes when the test run goes.
        abort_signal: ends the server where its data no longer matter.
    """

    def __init__(self, command: list[str], directory: Path, abort_signal: Signals) -> None:
        self._log = directory / "server.log"
        with self._log.open("ab") as log:
            self._guard = subprocess.Popen(
                [sys.executable, guard.__file__, str(int(abort_signal)), str(directory), *command],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                cwd="/",
                env=environment(),
                start_new_session=True,
            )

    def wait_until(self, ready: Callable[[], bool], timeout: float) -> None:
        """Return when the server is ready. Raises ProcessFailed if it ends first or takes too long."""
        deadline = time.monotonic() + timeout
        while not ready():
            if self._guard.poll() is not None or time.monotonic() > deadline:
                words = self._log.read_text(errors="replace")[-2000:]
                raise ProcessFailed(f"the server did not start; the end of its log:\n{words}")
            time.sleep(0.05)

    def end(self, signal: Signals) -> None:
        """End the server and return when it has ended."""
        with suppress(BrokenPipeError):
            self._tell(f"{int(signal)}\n".encode())
        self._guard.wait()

    def abandon(self) -> None:
        """End the server at once and remove its directory."""
        with suppress(BrokenPipeError):
            self._tell(b"")
        self._guard.wait()

    def _tell(self, order: bytes) -> None:
        assert self._guard.stdin is not None
        with self._guard.stdin as pipe:
            pipe.write(order)


def run(command: list[str], *, text: str | None = None) -> None:
    """Run one of a server's tools to its end, with `text` as its input. Raises ProcessFailed."""
    done = subprocess.run(
        command, input=text or "", capture_output=True, text=True, cwd="/", env=environment(), check=False
    )
    if done.returncode != 0:
        raise ProcessFailed(
            f"{' '.join(command)} exited with {done.returncode}:\n{(done.stdout + done.stderr)[-2000:]}"
        )


def environment() -> dict[str, str]:
    """The environment without what would redirect a server's programs, and in a locale every system has."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "MYSQL", "MARIADB", "LC_"))}
    return kept | {"LC_ALL": "C", "PATH": os.environ.get("PATH", "") + os.pathsep + "/usr/sbin:/usr/bin:/sbin:/bin"}


def free_port() -> int:
    """A free loopback port outside the range clients' own ports come from.

    A server that is restarted needs its port back; and a client that tries a port of that range while nothing
    listens on it can end up connected to itself.
    """
    while True:
        port = random.randrange(20_000, 32_000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
