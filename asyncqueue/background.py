"""asyncio tasks of asyncqueue's own, apart from the code on whose behalf they work.

What several callers share, or what must go on to its end, is no part of the run of a task whose code has asked for it:
in the context of such an asyncio task there is no run, and only asyncqueue can cancel it.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar, TypeVar

Result = TypeVar("Result")

#: The run whose code is executing; `asyncqueue.running.run.current_run` is the same with its type.
code_of_a_run: contextvars.ContextVar[Any] = contextvars.ContextVar("asyncqueue_run", default=None)


#: Whether asyncqueue's own code is executing. No other context has that. Code without a run in its context is not the
#: worker's for that reason: it may be a thread or a callback of a task.
own_code: contextvars.ContextVar[bool] = contextvars.ContextVar("asyncqueue_own", default=False)


class GuardedTask(asyncio.Task[Any]):
    """An asyncio task of a run, which `cancel()` reaches only where its owner calls it.

    Whoever has it from that run may cancel it; the code of another run cannot.
    """

    _own: ClassVar[bool] = False

    def cancel(self, msg: Any = None) -> bool:
        """Cancel it, if it is the caller's to cancel."""
        run = code_of_a_run.get()
        if run is not None:
            may = run.task is self
        else:
            may = not self._own or own_code.get() or not self.get_loop().is_running()
        return may and super().cancel(msg)


class OwnTask(GuardedTask):
    """An asyncio task of asyncqueue's own. Only asyncqueue can cancel it, and whoever has stopped the event loop."""

    _own = True


def own_context(of: contextvars.Context | None = None) -> contextvars.Context:
    """A copy of a context, or of this one, in which asyncqueue's own code is to execute."""
    context = contextvars.copy_context() if of is None else of.copy()
    context.run(_set, True)
    return context


def others_context() -> contextvars.Context:
    """A copy of this context, in which code of the application is to execute. Its run stays, if there is one."""
    context = contextvars.copy_context()
    context.run(own_code.set, False)
    return context


def _set(own: bool) -> None:
    own_code.set(own)
    code_of_a_run.set(None)


@contextmanager
def own() -> Iterator[None]:
    """The asyncio tasks that are made within this are asyncqueue's own. Do not await within it."""
    token = own_code.set(True)
    try:
        yield
    finally:
        own_code.reset(token)


def create_task(work: Coroutine[Any, Any, Result], *, name: str) -> asyncio.Task[Result]:
    """As `asyncio.create_task`, and also within a run no part of it. Cancel it by `cancel` below."""
    return OwnTask(work, loop=asyncio.get_running_loop(), name=name, context=own_context())


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
