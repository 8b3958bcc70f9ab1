"""Calls plain functions in a process's main thread, while the event loop that waits for them runs in another."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, TypeVar

from asyncqueue.reprs import shown
from asyncqueue.running import forks
from asyncqueue.running.run import Run

Result = TypeVar("Result")


class MainThread:
    """The main thread of a process that runs one task: the only one where Python handles Unix signals.

    There is no event loop in it, so the function may run one of its own.
    """

    def __init__(self) -> None:
        #: Set by the handler of a signal that stops the task: nothing is called any more.
        self.stopping = False
        self._jobs: SimpleQueue[Callable[[], None] | None] = SimpleQueue()

    async def call(self, run: Run, function: Callable[[], Result]) -> Result:
        """Call a function in the main thread, with the caller's context variables. Returns or raises what it does.

        While it is called `run.at_hand` is set: the handler of a signal may raise what stops it.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Result] = loop.create_future()
        context = contextvars.copy_context()

        def job() -> None:
            result: Any = None
            failure: BaseException | None = None
            try:
                run.at_hand = True
                try:
                    # Asked when a handler would raise already: one that came before has raised nothing.
                    if self.stopping:
                        raise asyncio.CancelledError
                    result = context.run(function)
                finally:
                    run.at_hand = False
            except (StopIteration, GeneratorExit) as error:
                # A future cannot carry them: the one is refused, the other closes the coroutines that wait for it.
                failure = RuntimeError(f"the function raised {shown(error)}")
                failure.__cause__ = error
            except BaseException as error:  # noqa: BLE001 - SystemExit and its like end the task
                failure = error
            if forks.in_child:
                forks.leave_child(failure)
            loop.call_soon_threadsafe(_settle, future, result, failure)

        self._jobs.put(job)
        return await future

    def serve(self, work: Callable[[], Result], check: Callable[[], None] = lambda: None) -> Result:
        """Do this work, which runs an event loop, in another thread, and here what it hands over.

        After each of these `check` is called, and what it raises is raised: the other thread is not waited for then.
        """
        results: list[Result] = []
        failures: list[BaseException] = []

        def aside() -> None:
            try:
                results.append(work())
            except BaseException as error:  # noqa: BLE001 - raised in the main thread
                failures.append(error)
            finally:
                self._jobs.put(None)

        threading.Thread(target=aside, name="asyncqueue-loop", daemon=True).start()
        while (job := self._jobs.get()) is not None:
            job()
            check()
        if failures:
            raise failures[0]
        return results[0]


def _settle(future: asyncio.Future[Any], result: Any, failure: BaseException | None) -> None:
    if future.done():  # the run was stopped meanwhile
        return
    if failure is not None:
        future.set_exception(failure)
    else:
        future.set_result(result)
