"""Runs one claimed task to its end."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator, Mapping
from typing import Any, NamedTuple

from asyncqueue.backends.facets import Chains
from asyncqueue.errors import InvalidTask, PayloadTooLarge
from asyncqueue.limits import Limit, LimitPolicy
from asyncqueue.model import ClaimedTask, Status
from asyncqueue.retries import Retry, RetryPolicy
from asyncqueue.running.application import Application
from asyncqueue.running.context import TaskInfo, info_of
from asyncqueue.running.imports import Imports
from asyncqueue.running.kinds import Kind
from asyncqueue.running.limits import Limits
from asyncqueue.running.process import TaskProcessDied, TaskProcessError, run_in_process
from asyncqueue.running.resolve import Resolved, Resolver
from asyncqueue.running.run import Run, current_run
from asyncqueue.running.stream import Stream, StreamLost
from asyncqueue.running.texts import describe_error, encode_result, to_text
from asyncqueue.running.threads import Threads


class RunResult(NamedTuple):
    """How a run ended: `status` is COMPLETED or FAILED. With `keep_output` the output was streamed already.

    Of a failure, `retry_in` is the seconds until the next attempt is due, None if it was for good, and `attempt` which
    attempt it was: so many have failed now.

    SCHEDULED says that it did not run: it needs a place under a limit, with this `limit_key`, and goes to wait for one.
    """

    status: Status
    output: str | None = None
    error: str | None = None
    log: str | None = None
    keep_output: bool = False
    retry_in: float | None = None
    attempt: int = 1
    limit_key: str | None = None


class TaskTimeout(TimeoutError):
    """The text of a run that was stopped because it took too long."""


class Runner:
    """Runs tasks; one for all of a worker's.

    Args:
        application: its allow rule; of its hooks before_job, before_loop and after_loop; and the rest.
        limits: of arguments, output and log.
        default_timeout: seconds, for tasks that do not say otherwise; None, 0 or less for no limit.
        inline: call plain functions in this thread, whatever isolation they ask for. The child process does.
        check: says of a row that has links, or whose function declares limits, what becomes of it instead of a run;
            None if it may run.
        chains: the backend's, where tasks read what they have run after.
        grace: seconds that a task has to clean up behind itself when it is stopped; never less than five.
    """

    def __init__(
        self,
        application: Application,
        limits: Limits,
        *,
        default_timeout: float | None = None,
        inline: bool = False,
        check: Callable[[str, LimitPolicy | None, ClaimedTask], Awaitable[RunResult | None]] | None = None,
        chains: Chains | None = None,
        grace: float = 0.0,
    ) -> None:
        self._application = application
        self._resolver = Resolver(application.allow, default_timeout)
        self._limits = limits
        self._hooks = application.hooks
        self._inline = inline
        self._check = check
        self._chains = chains
        self._grace = grace
        self._threads = Threads()
        self._imports = Imports(self._resolver, self._threads)

    @property
    def abandoned(self) -> int:
        """Threads that run on although nobody waits for them any more."""
        return self._threads.abandoned

    def prepare(self, claimed: ClaimedTask, open_stream: Callable[[], Stream]) -> Run:
        """A run of this row, for `run`; `open_stream` is called when it yields something."""
        return Run(claimed, open_stream, self._limits.max_log_size, self._chains, self._grace)

    def info_of(self, claimed: ClaimedTask) -> TaskInfo:
        """What hooks are told of this row, with the attempts that its function declares once that was found."""
        resolved = self._resolver.known(claimed.task)
        return info_of(claimed, resolved.retry if resolved else None)

    async def run(self, run: Run) -> RunResult | None:
        """Run a task in the current asyncio task and context, which should be its own.

        Nothing the task does is raised here. Returns None if the run was stopped from outside, after the task has
        cleaned up behind itself, or if its claim turned out to be gone.
        """
        current_run.set(run)
        claimed = run.claimed
        error: str | None = None
        retry_in: float | None = None
        try:
            ready = await self._ready(run, claimed)
            if isinstance(ready, RunResult):
                return ready
            resolved, arguments = ready
            if not run.begin(resolved.timeout):
                return None
            try:
                await self._call(run, resolved, arguments)
            except asyncio.CancelledError as cancelled:
                if run.stopping:
                    return None
                # Where it was not the timeout the task raised it itself, or cancelled itself.
                error, retry_in = self._failed(
                    run, resolved.retry, self._timeout(run, resolved) if run.timed_out else cancelled
                )
            except BaseException as failure:  # noqa: BLE001 - SystemExit and its like end the task, not the worker
                error, retry_in = self._failed(run, resolved.retry, failure)
            finally:
                await run.end()
            if run.streamed:
                await run.flush()
        except StreamLost:
            return None
        except InvalidTask as invalid:
            # Where the task itself failed, that is what its reader wants to know.
            error = error or self._invalid(run, invalid)
        if error is None:
            return RunResult(Status.COMPLETED, run.output, None, run.capture.text(), run.streamed)
        return RunResult(Status.FAILED, run.output, error, run.capture.text(), run.streamed, retry_in, run.attempt)

    async def _ready(self, run: Run, claimed: ClaimedTask) -> tuple[Resolved, Mapping[str, Any]] | RunResult:
        """The function and its arguments; or what becomes of the row because it may not run here and now."""
        resolved = self._resolver.known(claimed.task) or await self._resolve(claimed.task)
        if self._check is not None and (resolved.limits is not None or claimed.links):
            instead = await self._check(resolved.path, resolved.limits, claimed)
            if instead is not None:
                return instead
        run.retry = resolved.retry
        arguments = resolved.arguments.read(claimed.args, self._limits.max_args_size)
        if self._hooks.before_job:
            await self._hooks.fire("before_job", info_of(claimed, run.retry))
        return resolved, arguments

    async def declared(self, path: str) -> bool | None:
        """Whether the function at this path is declared with `@task`; None where there is none that may run here.

        That says nothing of the function: it may be one of another service, whose workers know it.
        """
        try:
            resolved = self._resolver.known(path) or await self._resolve(path)
        except InvalidTask:
            return None
        return resolved.declared

    async def limit_of(self, path: str) -> Limit:
        """What the function at this path declares. Raises InvalidTask where there is none that may run here."""
        resolved = self._resolver.known(path) or await self._resolve(path)
        return Limit(path) if resolved.limits is None else resolved.limits.declared(path)

    async def _resolve(self, path: str) -> Resolved:
        if self._inline:
            return self._resolver.resolve(path)
        return await self._imports.resolve(path)

    def _tell(self, run: Run, failure: BaseException) -> None:
        if self._application.caught is not None:
            self._application.caught(run.claimed.id, failure)

    def _invalid(self, run: Run, failure: InvalidTask) -> str:
        """The text of what can never work."""
        self._tell(run, failure)
        return str(failure)

    def _failed(self, run: Run, retry: RetryPolicy, failure: BaseException) -> tuple[str, float | None]:
        """The text of a failed attempt, and in how many seconds the next one is due."""
        if isinstance(failure, TaskProcessError):
            return str(failure), failure.retry_in
        self._tell(run, failure)
        own = run.claimed.max_attempts
        retry_in = retry.retry_in(failure, run.attempt, own)
        if isinstance(failure, InvalidTask | TaskTimeout | TaskProcessDied):
            return str(failure), retry_in
        text = describe_error(failure)
        if isinstance(failure, Retry) and retry_in is None:
            text = f"The task asked for another attempt, but max_attempts ({retry.limit(own)}) is used up: {text}"
        return text, retry_in

    @staticmethod
    def _timeout(run: Run, resolved: Resolved) -> TaskTimeout:
        text = f"Task timed out after {resolved.timeout:g} seconds"
        if run.in_thread:
            text += "\n\nIts thread could not be stopped and may still be running; its result will be discarded."
        return TaskTimeout(text)

    async def _call(self, run: Run, resolved: Resolved, arguments: Mapping[str, Any]) -> None:
        function = resolved.function
        kind = resolved.kind
        generator = kind in (Kind.GENERATOR, Kind.ASYNC_GENERATOR)
        if generator:
            run.output = ""  # unless it yields something; Django's worker begins with this too
        if resolved.isolated and not self._inline:
            output = await run_in_process(run, self._limits, prepare=self._application.prepare)
            if not generator:
                run.output = output
        elif kind is Kind.ASYNC:
            run.output = encode_result(await function(**arguments), self._limits.max_output_size)
        elif kind is Kind.SYNC:
            value = (
                _at_hand(run, functools.partial(function, **arguments))
                if self._inline
                else await self._in_thread(run, functools.partial(function, **arguments))
            )
            if inspect.isawaitable(value):
                value = await value
            run.output = encode_result(value, self._limits.max_output_size)
        elif kind is Kind.ASYNC_GENERATOR:
            await self._iterate(run, function(**arguments))
        elif self._inline:
            _at_hand(run, functools.partial(self._iterate_here, run, function(**arguments)))
        else:
            generate = functools.partial(function, **arguments)
            await self._in_thread(
                run, functools.partial(self._iterate_in_thread, run, generate, asyncio.get_running_loop())
            )

    async def _in_thread(self, run: Run, function: Callable[[], Any]) -> Any:
        run.in_thread = True

        def call() -> Any:
            with self._application.around():
                return function()

        try:
            return await self._threads.run(call, f"the thread of task {run.claimed.id} ({run.claimed.task})")
        except asyncio.CancelledError:
            run.stopped = True
            raise

    async def _iterate(self, run: Run, generator: AsyncIterator[Any]) -> None:
        iteration = 0
        try:
            while True:
                await self._fire("before_loop", run, iteration)
                try:
                    value = await anext(generator)
                except StopAsyncIteration:
                    return
                text = self._yielded(run, value)
                run.write(text)
                await self._fire("after_loop", run, text, iteration)
                iteration += 1
        finally:
            close = getattr(generator, "aclose", None)
            if close is not None:
                await close()

    def _iterate_here(self, run: Run, generator: Generator[Any]) -> None:
        with contextlib.closing(generator):
            for value in generator:
                run.write(self._yielded(run, value))

    def _iterate_in_thread(
        self, run: Run, function: Callable[[], Iterator[Any]], loop: asyncio.AbstractEventLoop
    ) -> None:
        """The whole generator in one thread, so that what it keeps per thread is there at each step."""

        def fire(event: str, *details: Any) -> None:
            if self._hooks.has(event):
                asyncio.run_coroutine_threadsafe(self._fire(event, run, *details), loop).result()

        generator = function()
        iteration = 0
        while not run.stopped:
            fire("before_loop", iteration)
            try:
                value = next(generator)
            except StopIteration:
                return
            text = self._yielded(run, value)
            loop.call_soon_threadsafe(run.write, text)
            fire("after_loop", text, iteration)
            iteration += 1

    async def _fire(self, event: str, run: Run, *details: Any) -> None:
        if self._hooks.has(event):
            await self._hooks.fire(event, info_of(run.claimed, run.retry), *details)

    def _yielded(self, run: Run, value: Any) -> str:
        """One yield as text, within what all of them may take together."""
        text = to_text(value, self._limits.max_output_size)
        run.size += len(text.encode())
        if run.size > self._limits.max_output_size:
            raise PayloadTooLarge(
                f"the output is larger than max_output_size allows ({self._limits.max_output_size} bytes)"
            )
        return text


def _at_hand(run: Run, function: Callable[[], Any]) -> Any:
    """Call a plain function where the handler of a signal can stop it."""
    run.at_hand = True
    try:
        return function()
    finally:
        run.at_hand = False
