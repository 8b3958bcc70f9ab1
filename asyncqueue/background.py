"""asyncio tasks of asyncqueue's own, apart from the code on whose behalf they work.

What several callers share, or what must go on to its end, is no part of the run of a task whose code has asked for it:
in the context of such an asyncio task there is no run, and the code of a run cannot cancel it.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
from collections.abc import Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")

#: The run whose code is executing; `asyncqueue.running.run.current_run` is the same with its type.
code_of_a_run: contextvars.ContextVar[Any] = contextvars.ContextVar("asyncqueue_run", default=None)


class GuardedTask(asyncio.Task[Any]):
    """An asyncio task of asyncqueue, or of a run. `cancel()` has no effect where the code of another run calls it."""

    def cancel(self, msg: Any = None) -> bool:
        """Cancel it, unless the code of another run asks for that."""
        run = code_of_a_run.get()
        if run is not None and run.task is not self:
            return False
        return super().cancel(msg)


def create_task(work: Coroutine[Any, Any, Result], *, name: str) -> asyncio.Task[Result]:
    """As `asyncio.create_task`, and also within a run no part of it. Cancel it by `cancel` below."""
    context = contextvars.copy_context()
    if code_of_a_run.get() is not None:
        context.run(code_of_a_run.set, None)
    return GuardedTask(work, loop=asyncio.get_running_loop(), name=name, context=context)


def cancel(task: asyncio.Task[Any]) -> None:
    """Cancel a task of asyncqueue's own, on behalf of whatever run."""
    asyncio.Task.cancel(task)


async def surely(work: Coroutine[Any, Any, Result], *, name: str) -> Result:
    """Do work in an asyncio task of asyncqueue's own, and return or raise what it does, whatever cancels the caller.

    It is for work that must not be left undone. A shield of anyio would not hold: code of a run may cancel the caller's
    asyncio task itself, at any time.
    """
    task = create_task(work, name=name)
    while not task.done():
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.shield(task)
    return task.result()
