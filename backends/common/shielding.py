"""Work on a connection goes on to its end, whatever becomes of the caller."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from math import inf
from types import TracebackType
from typing import Any, Self, TypeVar

import anyio

from asyncqueue import background
from asyncqueue.errors import DatabaseUnavailable

Result = TypeVar("Result")

# Also because the event loop itself keeps no task alive.
_under_way: set[asyncio.Task[Any]] = set()
# Seconds until a task that has not ended by its deadline is cancelled again.
_AGAIN = 1.0


def begin(work: Coroutine[Any, Any, Result], on_end: Callable[[], None] | None = None) -> asyncio.Task[Result]:
    """Begin work in a task that is nobody's to cancel. What it has `carried` needs no task of its own any more.

    Args:
        work: what to do. It has to end by a deadline of its own.
        on_end: called once when it is over, and even where it was cancelled before it began.
    """
    task = background.create_task(work, name="asyncqueue work")
    _under_way.add(task)

    def over(_: asyncio.Task[Result]) -> None:
        _under_way.discard(task)
        if on_end is not None:
            on_end()

    task.add_done_callback(over)
    return task


async def carried(
    work: Coroutine[Any, Any, Result], *, on_end: Callable[[], None] | None = None, for_result: bool = False
) -> Result:
    """Do `work` in an asyncio task of its own and return what it returns.

    `work` is never cancelled because its caller is. What the caller does depends on how it is cancelled:

    - asyncio's cancellation (`asyncio.timeout`, `wait_for`, `Task.cancel`): the caller leaves at once and gets
      CancelledError; the result is dropped. With `for_result` it stays until the end and gets the result, and the
      cancellation comes at its next await.
    - an anyio cancel scope: the caller stays until the end and gets the result, and the cancellation comes at its next
      await, as after any shielded block of anyio.

    Args:
        work: what to do. It has to end by a deadline of its own.
        on_end: as `begin` takes it.
        for_result: the caller stays until the end in any case.
    """
    if asyncio.current_task() in _under_way:
        try:
            return await work
        finally:
            if on_end is not None:
                on_end()
    task = begin(work, on_end)
    ended = asyncio.get_running_loop().create_future()
    task.add_done_callback(lambda _: _tell(task, ended))
    try:
        await ended
    except asyncio.CancelledError:
        by_anyio = anyio.current_effective_deadline() == -inf
        if not (by_anyio or for_result):
            raise
        await _stay(task, again=not by_anyio, for_result=for_result)
    try:
        return task.result()
    except asyncio.CancelledError as error:  # it is nobody's to cancel: whoever did so cost the connection
        raise DatabaseUnavailable("the work on a connection was cancelled: it is not known what it has done") from error


async def _stay(task: asyncio.Task[Any], *, again: bool, for_result: bool) -> None:
    """Wait for the end of a task. Cancel the caller again afterwards, if asyncio has cancelled it or does so now."""
    with anyio.CancelScope(shield=True):
        while not task.done():
            try:
                await asyncio.wait([task])
            except asyncio.CancelledError:
                if not for_result:
                    raise
                again = True
    caller = asyncio.current_task()
    if again and caller is not None:
        caller.uncancel()
        caller.cancel()


def _tell(task: asyncio.Task[Any], ended: asyncio.Future[None]) -> None:
    if not ended.done():
        ended.set_result(None)
    elif not task.cancelled():
        task.exception()  # perhaps nobody is left to hear of it


class Deadline:
    """Ends what a block does after so many seconds, with a TimeoutError.

    Unlike a cancel scope it costs next to nothing, and lets go of what the block waits for.

    Args:
        seconds: after which it is ended.
        let_go: called then, before the task is cancelled, so that its clean-up waits for nothing.
    """

    def __init__(self, seconds: float, let_go: Callable[[], None]) -> None:
        self._seconds = seconds
        self._let_go = let_go
        self._cancelled = 0

    def __enter__(self) -> Self:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - this is called by one
        self._task = task
        self._timer = asyncio.get_running_loop().call_later(self._seconds, self._expire)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        if self._cancelled:
            for _ in range(self._cancelled):
                self._task.uncancel()
            if error is not None:
                raise TimeoutError from error

    def _expire(self) -> None:
        if not self._cancelled:
            self._let_go()
        self._cancelled += 1
        self._task.cancel()
        self._timer = asyncio.get_running_loop().call_later(_AGAIN, self._expire)
