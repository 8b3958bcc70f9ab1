"""The boundary between the worker and the application's code.

Tasks, hooks, validators, limit keys, look-ups and the like are the application's code: they may raise anything, at any
place where they are called. The worker calls them through this module. What they raise, SystemExit, KeyboardInterrupt
and other classes that are no Exception included, comes out as `Raised`, which is an Exception and carries it. So an
`except Exception` in the worker is enough, and what asyncio, a thread or a task group does with the others happens to
nobody else. A run's own end is judged by `how_it_ended`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from enum import Enum, auto
from typing import Any, ParamSpec, TypeVar, overload

from typing_extensions import TypeIs

from asyncqueue.reprs import shown
from asyncqueue.retries import Retry

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")


class Raised(Exception):
    """Something that the application's code raised; `error` is that."""

    def __init__(self, error: BaseException) -> None:
        super().__init__(error)
        self.error = error

    def __str__(self) -> str:
        return shown(self.error)


def call(function: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
    """Call plain code of the application, here and now. Raises Raised."""
    try:
        return function(*args, **kwargs)
    except BaseException as error:
        raise Raised(error) from error


async def awaited(awaitable: Awaitable[R]) -> R:
    """Await what the application's code has returned. Raises Raised.

    A cancellation of the caller passes as it is: it is meant for the caller. A CancelledError that the application
    raises by itself comes out as Raised.
    """
    task = asyncio.current_task()
    try:
        return await awaitable
    except asyncio.CancelledError as error:
        if task is not None and task.cancelling():
            raise
        raise Raised(error) from error
    except GeneratorExit as error:
        if closed(task):
            raise
        raise Raised(error) from error
    except BaseException as error:
        raise Raised(error) from error


def closed(task: asyncio.Task[Any] | None) -> bool:
    """Whether a GeneratorExit that is seen now ends this coroutine, which `task` has begun.

    A coroutine that nobody goes on with is closed from outside of its task. Inside of the task, code of the
    application has raised it.
    """
    try:
        return asyncio.current_task() is not task
    except RuntimeError:  # no event loop runs any more
        return True


def was_cut_short(task: asyncio.Task[Any] | None, raised: BaseException) -> bool:
    """Whether the application has closed the coroutines of `task` by a GeneratorExit, in the middle of that task.

    A future that is awaited may carry one, from a thread for example. asyncio throws it into the outermost coroutine of
    the task, and that closes all that it awaits, whatever they answer (PEP 380). A RuntimeError comes out instead
    where one of them awaits something on the way. So only the outermost coroutine can tell what becomes of the run.
    """
    if type(raised) is RuntimeError:
        return str(raised) == "coroutine ignored GeneratorExit"
    return is_a(raised, GeneratorExit) and not closed(task)


@overload
def is_a(value: object, classes: type[T]) -> TypeIs[T]: ...
@overload
def is_a(value: object, classes: tuple[type, ...]) -> bool: ...
def is_a(value: object, classes: type | tuple[type, ...]) -> bool:
    """Whether an object of the application is of a class of ours.

    `isinstance` also reads the attribute `__class__`, which lazy objects compute.
    """
    return issubclass(type(value), classes)


class Ended(Enum):
    """How a run has ended."""

    #: It has returned: its result counts.
    RETURNED = auto()
    #: It has failed by what it raised.
    RAISED = auto()
    #: It was out of time: it has failed, whatever it did when it was told.
    TIMED_OUT = auto()
    #: It was interrupted: it has not ended by itself, and what it raised says nothing of the task.
    STOPPED = auto()


def how_it_ended(raised: BaseException | None, *, timed_out: bool, stopping: bool) -> Ended:
    """How a run has ended that raised this, or returned where it is None.

    Args:
        raised: what came out of it. An interrupted task rarely raises the CancelledError that it was sent: drivers,
            task groups and clean-ups make other exceptions of it.
        timed_out: its timeout has interrupted it. Only a Retry that it raises then counts more.
        stopping: the worker has interrupted it, or is being torn down itself.
    """
    if timed_out:
        return Ended.RAISED if is_a(raised, Retry) else Ended.TIMED_OUT
    if raised is None:
        return Ended.RETURNED
    return Ended.STOPPED if stopping else Ended.RAISED
