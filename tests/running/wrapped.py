"""Functions that decorators wrap, and some with annotations that cannot be resolved."""

from __future__ import annotations

import functools
from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING, Any

from asyncqueue import task

if TYPE_CHECKING:
    from nowhere import Missing  # type: ignore[import-not-found]


def transparent(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return wrapper


def unnamed(function: Callable[..., Any]) -> Callable[..., Any]:
    def wrapper(**kwargs: Any) -> Any:
        return function(**kwargs)

    return wrapper


def with_database(function: Callable[..., Any]) -> Callable[..., Any]:
    """Gives the first argument by itself."""

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return function("database", *args, **kwargs)

    return wrapper


def traced(function: Callable[..., Any]) -> Callable[..., Any]:
    """Takes an argument for itself."""

    @functools.wraps(function)
    def wrapper(*args: Any, trace: Any, **kwargs: Any) -> Any:
        return f"{trace}: {function(*args, **kwargs)}"

    return wrapper


@task
@transparent
def below(due: date) -> str:
    return type(due).__name__


@task
@with_database
def given(database: str, due: date) -> str:
    return f"{database} {type(due).__name__}"


@task
@transparent
@traced
@with_database
def three(database: str, due: date) -> str:
    return f"{database} {type(due).__name__}"


@task(cron="0 0 1 1 *", limit=1, limit_key="{due}")
@with_database
def periodic(database: str, due: date = date(2026, 1, 31)) -> str:
    return f"{database} {due}"


@transparent
@task
def above() -> str:
    return "called"


@unnamed
@task
def above_without_a_name() -> str:
    return "called"


@task
def declared(value: str = "") -> str:
    return value


def telling(other: Any) -> Callable[..., Any]:
    """Holds a declared function for a purpose of its own."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            return other(function(*args, **kwargs))

        return wrapper

    return decorate


@telling(declared)
def undeclared() -> str:
    return "called"


partial = functools.partial(declared, value="given")


@task
async def one_unresolved(due: date, session: Missing | None = None) -> str:
    return f"{type(due).__name__} {session!r}"


@task
async def unresolved_result(due: date) -> Missing:
    return type(due).__name__


@task
async def unresolved_argument(session: Missing) -> date:
    return date(2026, 1, 31)


@task
@transparent
def unresolved_below(due: date, session: Missing | None = None) -> str:
    return type(due).__name__
