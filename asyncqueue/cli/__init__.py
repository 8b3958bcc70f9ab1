"""The command line. Heavy imports wait until a command needs them, so that --help and --version are quick."""

from __future__ import annotations


def main() -> None:
    """Run `asyncqueue`."""
    from asyncqueue.cli.app import app

    app()
