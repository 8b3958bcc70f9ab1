"""asyncio tasks of asyncqueue's own, apart from the code on whose behalf they work.

What several callers share, or what must go on to its end, is no part of the run of a task whose code has asked for it:
in the context of such an asyncio task there is no run. In a worker's event loop that protects it from being cancelled
by the code of runs (see `asyncqueue.running.guarded`).
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

Result = TypeVar("Result")

#: The run whose code is executing; `asyncqueue.running.run.current_run` is the same with its type.
code_of_a_run: contextvars.ContextVar[Any] = contextvars.ContextVar("asyncqueue_run", default=None)


def create_task(work: Coroutine[Any, Any, Result], *, name: str) -> asyncio.Task[Result]:
    """As `asyncio.create_task`, and also within a run no part of it. Cancel it by `cancel` below."""
    loop = asyncio.get_running_loop()
    if code_of_a_run.get() is None:
        return loop.create_task(work, name=name)
    context = contextvars.copy_context()
    context.run(code_of_a_run.set, None)
    return loop.create_task(work, name=name, context=context)


def cancel(task: asyncio.Future[Any]) -> None:
    """Cancel a task of asyncqueue's own, also on behalf of a run: its code cannot do so by `task.cancel()`."""
    if isinstance(task, asyncio.Task):
        asyncio.Task.cancel(task)
    else:  # what the program's own task factory has made
        task.cancel()


@contextmanager
def apart() -> Iterator[None]:
    """The asyncio tasks that are created in here, by a library for one, are no part of the run either."""
    token = code_of_a_run.set(None)
    try:
        yield
    finally:
        code_of_a_run.reset(token)
