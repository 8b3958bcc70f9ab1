"""Runs one database server and outlives the test run by as little as it takes to end that server.

    guard.py ABORT_SIGNAL DIRECTORY COMMAND...

A line with a signal's number on standard input ends the server by that signal and keeps DIRECTORY. The end of
standard input, which comes even when the test run is killed, ends the server by ABORT_SIGNAL and removes DIRECTORY.
Exits when the server has ended, with its exit code.
"""

from __future__ import annotations

import select
import shutil
import subprocess
import sys

_PATIENCE = 60  # seconds for a server to shut down


def main(abort_signal: str, directory: str, *command: str) -> int:
    server = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    while not select.select([sys.stdin], [], [], 0.1)[0]:
        if server.poll() is not None:
            return server.returncode
    order = sys.stdin.readline().strip()
    server.send_signal(int(order or abort_signal))
    try:
        server.wait(_PATIENCE)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
    if not order:
        shutil.rmtree(directory, ignore_errors=True)
    return server.returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
