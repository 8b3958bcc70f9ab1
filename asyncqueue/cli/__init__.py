"""The command line. Heavy imports wait until a command needs them, so that --help and --version are quick."""

from __future__ import annotations


def main() -> None:
    """Run `asyncqueue`."""
    from asyncqueue.cli.streams import open_closed, outlive_readers, readable_end

    open_closed()
    outlive_readers()
    with readable_end():
        from asyncqueue.cli.app import app

        app()
