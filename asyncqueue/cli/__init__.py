"""The command line. Heavy imports wait until a command needs them, so that --help and --version are quick."""

from __future__ import annotations

import sys

#: As a shell has it for a process that SIGINT has ended.
INTERRUPTED = 130


def main() -> None:
    """Run `asyncqueue`."""
    try:
        from asyncqueue.cli.streams import open_closed, outlive_readers, readable_end

        open_closed()
        outlive_readers()
        with readable_end():
            from asyncqueue.cli.app import app

            app()
    except KeyboardInterrupt:  # before `readable_end`, which is there for all that follows
        sys.exit(INTERRUPTED)
