"""Turns errors into one clear line and an exit code: 0 fine, 1 runtime failure, 2 usage or configuration."""

from __future__ import annotations

import functools
from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec

import typer

P = ParamSpec("P")

FAILURE = 1
USAGE = 2


def fail(message: str, code: int = FAILURE) -> typer.Exit:
    """Print a message to standard error; raise what this returns."""
    typer.secho(f"asyncqueue: {message}", err=True, fg=typer.colors.RED)
    return typer.Exit(code)


def command(function: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Make a Typer command of an async function."""

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> None:
        import anyio

        from asyncqueue.errors import AsyncQueueError, ConfigurationError, InvalidTask

        try:
            anyio.run(functools.partial(function, *args, **kwargs), backend_options={"use_uvloop": _has_uvloop()})
        except (ConfigurationError, InvalidTask) as error:
            raise fail(str(error), USAGE) from error
        except AsyncQueueError as error:
            raise fail(str(error)) from error

    return call


def _has_uvloop() -> bool:
    from importlib.util import find_spec

    return find_spec("uvloop") is not None
