"""Keeps the loops of a worker going: the one place that decides what an error of a loop means."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

import anyio

from asyncqueue.backoff import Backoff
from asyncqueue.errors import DatabaseError, QueueClosed, SchemaError, UnsupportedServer, unwrapped
from asyncqueue.loggers import get_logger

logger = get_logger("asyncqueue.worker")

#: Seconds until a loop that ended is begun again, at first and at most.
_FIRST, _LAST = 0.1, 5.0
#: Seconds after which a loop counts as well again: its next error is the first one of a new series.
_WELL = 30.0


@dataclass(frozen=True)
class Loop:
    """A loop of the worker.

    Attributes:
        what: what it does, as the log says it: "cannot <what>, again in 0.1 s: <error>".
        run: goes on for ever. It keeps what it has to do in its object, so that it can be called again after an error.
        vital: whether an error that waiting cannot heal ends the worker.
        ends: whether it returns when it is done, instead of going on for ever.
    """

    what: str
    run: Callable[[], Coroutine[Any, Any, None]]
    vital: bool = False
    ends: bool = False


def heals(error: BaseException) -> bool:
    """Whether waiting can heal this: any error of the database but a wrong table, a wrong server and a closed queue."""
    return isinstance(error, DatabaseError) and not isinstance(error, SchemaError | UnsupportedServer | QueueClosed)


async def keep(loop: Loop, host: asyncio.Task[Any] | None = None) -> None:
    """Run a loop in the current asyncio task until the surrounding cancel scope is cancelled, or the task `host`.

    A loop that ends with an error is begun again after 0.1 seconds, and where errors follow each other after up to 5.
    One that something cancels which is not this worker is begun again after 0.1 seconds each time. Only a vital loop
    ends the worker, with an error that waiting cannot heal.

    Raises the error of a vital loop that waiting cannot heal: SchemaError, UnsupportedServer, QueueClosed, or an
    exception that is no DatabaseError, which is a defect of asyncqueue.
    """
    delays = Backoff(_FIRST, _LAST)
    pause = 0.0
    while True:
        began = time.monotonic()
        try:
            if pause:
                await anyio.sleep(pause)
                pause, began = 0.0, time.monotonic()
            await loop.run()
            if loop.ends:
                return
            problem: BaseException | None = None
        except asyncio.CancelledError as cancelled:
            if _asked() or (host is not None and host.cancelling()):
                raise
            _uncancel()
            problem = cancelled
        except Exception as error:
            problem = unwrapped(error) if isinstance(error, BaseExceptionGroup) else error
            if loop.vital and not heals(problem):
                if problem is error:
                    raise
                raise problem from problem.__cause__
        if time.monotonic() - began > _WELL:
            delays.reset()
        # Nothing is wrong with a loop that was cancelled, and leases may be short: it does not wait longer each time.
        pause = _FIRST if problem is None or isinstance(problem, asyncio.CancelledError) else delays.next()
        _log(loop, problem, pause)


def _asked() -> bool:
    """Whether the worker itself, or the program around it, cancels this."""
    return anyio.current_effective_deadline() == -math.inf


def _uncancel() -> None:
    task = asyncio.current_task()
    while task is not None and task.cancelling():
        task.uncancel()


def _log(loop: Loop, problem: BaseException | None, pause: float) -> None:
    if isinstance(problem, DatabaseError):
        logger.warning("cannot %s, again in %.1f s: %s", loop.what, pause, problem)
    elif problem is None or isinstance(problem, asyncio.CancelledError):
        logger.warning(
            "the loop to %s was cancelled, and not by the worker: a task may do so by asyncio.all_tasks(); it goes on "
            "in %.1f s",
            *(loop.what, pause),
        )
    else:
        logger.error(
            "the loop to %s failed, which is a defect of asyncqueue; it goes on in %.1f s",
            *(loop.what, pause),
            exc_info=problem,
        )
