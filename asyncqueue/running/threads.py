"""Threads for plain functions, which a stuck function can neither exhaust nor keep from exiting."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, TypeVar

from asyncqueue.background import others_context
from asyncqueue.loggers import get_logger
from asyncqueue.reprs import shown
from asyncqueue.running import forks
from asyncqueue.running.shortage import beginning

logger = get_logger("asyncqueue.running")

Result = TypeVar("Result")


class Threads:
    """A pool that grows with what runs at once and reuses its idle threads.

    They are daemons: a function that never returns must not keep the interpreter from exiting. That is also why this
    is not anyio's pool or concurrent.futures, both of which wait for their threads at exit.
    """

    def __init__(self) -> None:
        self.abandoned = 0
        self._idle: list[_Thread] = []

    async def run(
        self, function: Callable[[], Result], what: str, about: Callable[[], dict[str, str | int]] = dict
    ) -> Result:
        """Call a function in a thread, with the caller's context variables. Returns or raises what it does.

        When the caller is cancelled the thread is abandoned: it runs on, and nobody waits for it. That and its end are
        logged under the name `what`, with the fields that `about` gives. A cancellation that comes after the end of the
        function changes nothing.

        Raises CannotBegin where the system gives no further thread: then the function was not called.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Result] = loop.create_future()
        thread = self._idle.pop() if self._idle else _begun(what)
        began = time.monotonic()

        def done(result: Any, error: BaseException | None) -> None:
            self._idle.append(thread)
            if future.cancelled():
                self.abandoned -= 1
                took = time.monotonic() - began
                logger.warning(
                    "%s, abandoned earlier, has ended after %.1f s; its result is discarded",
                    what,
                    took,
                    extra=about(),
                )
            elif error is not None:
                future.set_exception(error)
            else:
                future.set_result(result)

        thread.jobs.put((others_context(), function, loop, done))
        try:
            return await future
        except asyncio.CancelledError:
            if future.cancelled():
                self.abandoned += 1
                logger.warning(
                    "%s cannot be stopped: it is abandoned, and its result will be discarded", what, extra=about()
                )
            if future.cancelled() or not future.done():
                raise
        return future.result()


def _begun(what: str) -> _Thread:
    with beginning(what):
        return _Thread()


class _Thread:
    def __init__(self) -> None:
        self.jobs: SimpleQueue[Any] = SimpleQueue()
        threading.Thread(target=self._work, name=forks.LASTING, daemon=True).start()

    def _work(self) -> None:
        while True:
            context, function, loop, done = self.jobs.get()
            result: Any = None
            failure: BaseException | None = None
            try:
                result = context.run(function)
            except (StopIteration, GeneratorExit) as error:
                # A future cannot carry them: the one is refused, the other closes the coroutines that wait for it.
                failure = RuntimeError(f"the function raised {shown(error)}")
                failure.__cause__ = error
            except BaseException as error:  # noqa: BLE001 - SystemExit and its like end the task, not the thread
                failure = error
            if forks.in_child:
                forks.leave_child(failure)
            try:
                loop.call_soon_threadsafe(done, result, failure)
            except RuntimeError:
                return  # the event loop has ended meanwhile
            del context, function, done, result, failure
