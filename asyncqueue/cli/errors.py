"""Turns errors into one clear line and an exit code: 0 fine, 1 runtime failure, 2 usage or configuration."""

from __future__ import annotations

import typer

FAILURE = 1
USAGE = 2


def fail(message: str, code: int = FAILURE) -> typer.Exit:
    """Print a message to standard error; raise what this returns."""
    typer.secho(f"asyncqueue: {message}", err=True, fg=typer.colors.RED)
    return typer.Exit(code)
