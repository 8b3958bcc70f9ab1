"""Runs one claimed task to its end."""

from __future__ import annotations

import asyncio
import functools
import inspect
import math
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import anyio

from asyncqueue.errors import InvalidTask, PayloadTooLarge
from asyncqueue.model import ClaimedTask, Status
from asyncqueue.running.application import Application
from asyncqueue.running.capture import Capture, current_capture
from asyncqueue.running.context import TaskInfo, running_task
from asyncqueue.running.kinds import Kind
from asyncqueue.running.limits import Limits
from asyncqueue.running.process import run_in_process
from asyncqueue.running.resolve import Resolved, Resolver
from asyncqueue.running.stream import Stream, StreamLost
from asyncqueue.running.texts import describe_error, encode_result, to_text
from asyncqueue.running.threads import Threads
from asyncqueue.tasks import UNSET


@dataclass(frozen=True, slots=True)
class RunResult:
    """How a run ended: `status` is COMPLETED or FAILED. With `keep_output` the output was streamed already."""

    status: Status
    output: str | None = None
    error: str | None = None
    log: str | None = None
    keep_output: bool = False


class Runner:
    """Runs tasks; one for all of a worker's.

    Args:
        application: its allow rule; of its hooks before_job, before_loop and after_loop; and the rest.
        limits: of arguments, output and log.
        default_timeout: seconds, for tasks that do not say otherwise; None, 0 or less for no limit.
        inline: call plain functions in this thread, whatever isolation they ask for. The child process does.
    """

    def __init__(
        self,
        application: Application,
        limits: Limits,
        *,
        default_timeout: float | None = None,
        inline: bool = False,
    ) -> None:
        self._application = application
        self._resolver = Resolver(application.allow)
        self._limits = limits
        self._default_timeout = default_timeout
        self._hooks = application.hooks
        self._inline = inline
        self._threads = Threads()

    @property
    def abandoned(self) -> int:
        """Threads that run on although nobody waits for them any more."""
        return self._threads.abandoned

    async def run(self, claimed: ClaimedTask, stream: Stream) -> RunResult:
        """Run a task in the current asyncio task and context, which should be its own.

        Nothing the task does is raised here. Only a cancel scope that the caller cancelled around this call ends it
        without a result, after the task has cleaned up behind itself; and StreamLost, when the claim is gone.
        """
        capture = Capture(self._limits.max_log_size)
        current_capture.set(capture)
        run = _Run(TaskInfo(claimed.id, claimed.task), stream)
        running_task.set(run.info)
        error = None
        try:
            resolved = self._resolver.known(claimed.task) or await self._resolve(claimed.task)
            arguments = resolved.arguments.read(claimed.args, self._limits.max_args_size)
            if self._hooks.before_job:
                await self._hooks.fire("before_job", run.info)
            error = await self._within_timeout(run, resolved, arguments, claimed)
            if run.streamed:
                run.stopped = True
                await stream.flush()
        except StreamLost:
            raise
        except InvalidTask as invalid:
            # Where the task itself failed, that is what its reader wants to know.
            error = error or str(invalid)
        status = Status.COMPLETED if error is None else Status.FAILED
        return RunResult(status, run.output, error, capture.text(), run.streamed)

    async def _resolve(self, path: str) -> Resolved:
        if self._inline:
            return self._resolver.resolve(path)
        # Importing may take long and do anything; the loop must not stand still meanwhile.
        return await self._threads.run(functools.partial(self._resolver.resolve, path), f"the import of {path}")

    async def _within_timeout(
        self, run: _Run, resolved: Resolved, arguments: Mapping[str, Any], claimed: ClaimedTask
    ) -> str | None:
        """Returns the error's text, None for success."""
        wanted = resolved.options.timeout
        timeout = self._default_timeout if wanted is UNSET else wanted
        deadline = anyio.current_time() + timeout if isinstance(timeout, int | float) and timeout > 0 else math.inf
        error: str | None = None
        with anyio.CancelScope(deadline=deadline) as limit:
            try:
                await self._call(run, resolved, arguments, claimed)
            except asyncio.CancelledError as cancelled:
                if anyio.current_effective_deadline() == -math.inf:
                    raise  # the caller's doing, or the timeout's
                # The task raised it itself, or cancelled itself.
                current = asyncio.current_task()
                while current is not None and current.cancelling():
                    current.uncancel()
                error = describe_error(cancelled)
            except InvalidTask as invalid:
                error = str(invalid)
            except BaseException as failure:  # noqa: BLE001 - SystemExit and its like end the task, not the worker
                error = describe_error(failure)
        if limit.cancelled_caught:
            error = f"Task timed out after {timeout:g} seconds"
            if run.in_thread:
                error += "\n\nIts thread could not be stopped and may still be running; its result will be discarded."
        return error

    async def _call(self, run: _Run, resolved: Resolved, arguments: Mapping[str, Any], claimed: ClaimedTask) -> None:
        function = functools.partial(resolved.function, **arguments) if arguments else resolved.function
        kind = resolved.kind
        generator = kind in (Kind.GENERATOR, Kind.ASYNC_GENERATOR)
        if generator:
            run.output = ""  # unless it yields something; Django's worker begins with this too
        if resolved.options.isolation == "process" and not self._inline:
            output = await run_in_process(claimed, self._limits, prepare=self._application.prepare, write=run.write)
            if not generator:
                run.output = output
        elif kind is Kind.ASYNC:
            run.output = encode_result(await function(), self._limits.max_output_size)
        elif kind is Kind.SYNC:
            value = function() if self._inline else await self._in_thread(run, function)
            if inspect.isawaitable(value):
                value = await value
            run.output = encode_result(value, self._limits.max_output_size)
        elif kind is Kind.ASYNC_GENERATOR:
            await self._iterate(run, function())
        elif self._inline:
            self._iterate_here(run, function())
        else:
            await self._in_thread(
                run, functools.partial(self._iterate_in_thread, run, function, asyncio.get_running_loop())
            )

    async def _in_thread(self, run: _Run, function: Callable[[], Any]) -> Any:
        run.in_thread = True

        def call() -> Any:
            with self._application.around():
                return function()

        try:
            return await self._threads.run(call, f"the thread of task {run.info.id} ({run.info.task})")
        except asyncio.CancelledError:
            run.stopped = True
            raise

    async def _iterate(self, run: _Run, generator: AsyncIterator[Any]) -> None:
        iteration = 0
        try:
            while True:
                await self._fire("before_loop", run.info, iteration)
                try:
                    value = await anext(generator)
                except StopAsyncIteration:
                    return
                text = self._yielded(run, value)
                run.write(text)
                await self._fire("after_loop", run.info, text, iteration)
                iteration += 1
        finally:
            close = getattr(generator, "aclose", None)
            if close is not None:
                await close()

    def _iterate_here(self, run: _Run, generator: Iterator[Any]) -> None:
        for value in generator:
            run.write(self._yielded(run, value))

    def _iterate_in_thread(
        self, run: _Run, function: Callable[[], Iterator[Any]], loop: asyncio.AbstractEventLoop
    ) -> None:
        """The whole generator in one thread, so that what it keeps per thread is there at each step."""

        def fire(event: str, *details: Any) -> None:
            if self._hooks.has(event):
                asyncio.run_coroutine_threadsafe(self._hooks.fire(event, *details), loop).result()

        generator = function()
        iteration = 0
        while not run.stopped:
            fire("before_loop", run.info, iteration)
            try:
                value = next(generator)
            except StopIteration:
                return
            text = self._yielded(run, value)
            loop.call_soon_threadsafe(run.write, text)
            fire("after_loop", run.info, text, iteration)
            iteration += 1

    async def _fire(self, event: str, *details: Any) -> None:
        if self._hooks.has(event):
            await self._hooks.fire(event, *details)

    def _yielded(self, run: _Run, value: Any) -> str:
        """One yield as text, within what all of them may take together."""
        text = to_text(value, self._limits.max_output_size)
        run.size += len(text.encode())
        if run.size > self._limits.max_output_size:
            raise PayloadTooLarge(
                f"the output is larger than max_output_size allows ({self._limits.max_output_size} bytes)"
            )
        return text


class _Run:
    """What is known of one run while it goes on."""

    __slots__ = ("in_thread", "info", "output", "size", "stopped", "stream", "streamed")

    def __init__(self, info: TaskInfo, stream: Stream) -> None:
        self.info = info
        self.stream = stream
        self.streamed = False
        self.output: str | None = None
        self.size = 0
        self.in_thread = False
        self.stopped = False

    def write(self, text: str) -> None:
        """Stream text, unless the run was stopped meanwhile: a thread's callback may come late."""
        if not self.stopped:
            self.streamed = True
            self.stream.write(text)
