"""Runs one claimed task to its end."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator, Mapping
from typing import Any, NamedTuple

import anyio

from asyncqueue.backends.services import Dependencies
from asyncqueue.background import surely
from asyncqueue.errors import InvalidTask, PayloadTooLarge, TaskNotImportable, UnknownTask
from asyncqueue.limits import Limit, LimitPolicy
from asyncqueue.loggers import get_logger
from asyncqueue.model import ClaimedTask, Status
from asyncqueue.reprs import shown
from asyncqueue.retries import NO_RETRY, Retry
from asyncqueue.running.application import Application
from asyncqueue.running.boundary import Ended, Raised, call, how_it_ended, is_a
from asyncqueue.running.context import TaskInfo, info_of
from asyncqueue.running.imports import Imports
from asyncqueue.running.kinds import Kind
from asyncqueue.running.limits import Limits
from asyncqueue.running.process import TaskProcessDied, TaskProcessError, run_in_process
from asyncqueue.running.resolve import Resolved, Resolver
from asyncqueue.running.run import Run, current_run
from asyncqueue.running.shortage import lacked_before, lacking
from asyncqueue.running.stream import Stream, StreamLost
from asyncqueue.running.texts import describe_error, describe_plainly, encode_result, to_text
from asyncqueue.running.threads import Threads
from asyncqueue.running.trial import EndsTheProcess, Trials

logger = get_logger("asyncqueue.running")


class RunResult(NamedTuple):
    """How a run ended: `status` is COMPLETED or FAILED. With `keep_output` the output was streamed already.

    Of a failure, `retry_in` is the seconds until the next attempt is due, None if it was for good, and `attempt` which
    attempt it was: so many have failed now.

    SCHEDULED says that it did not run: it needs a slot under a limit, with this `limit_key`, and goes to wait for one.
    With `unfound` its function could not be found or imported here: SCHEDULED says then that it is put off. With
    `lacking` it was not begun either, because this process lacks what that takes: it is to be handed back.
    """

    status: Status
    output: str | None = None
    error: str | None = None
    log: str | None = None
    keep_output: bool = False
    retry_in: float | None = None
    attempt: int = 1
    limit_key: str | None = None
    unfound: bool = False
    lacking: bool = False


def not_begun(lack: str, attempt: int) -> RunResult:
    """The result of a run that could not begin, because the process lacks something."""
    return RunResult(Status.SCHEDULED, error=lack, attempt=attempt, unfound=True, lacking=True)


#: What a run that has called its function returns: its output is in the run.
_CALLED = RunResult(Status.COMPLETED)
#: Seconds to write what a run has yielded that is given up.
_FLUSH = 5.0
_IN_THREAD = "Its thread could not be stopped and may still be running; its result will be discarded."
_GIVEN_UP = "It ignores its cancellation and may still be running; its result will be discarded."


class TaskTimeout(TimeoutError):
    """The text of a run that was stopped because it took too long."""


class Runner:
    """Runs tasks; one for all of a worker's.

    Args:
        application: its allow rule; of its hooks before_job, before_loop and after_loop; and the rest.
        limits: of arguments, output and log.
        default_timeout: seconds, for tasks that do not say otherwise; None, 0 or less for no limit.
        inline: calls a plain function, whatever isolation that asks for, in a process of its own; None in a worker.
        check: says of a row that has links, or whose function declares limits, what becomes of it instead of a run;
            None if it may run.
        chains: the backend's, where tasks read what they have run after.
        grace: seconds that a task has to clean up behind itself when it is stopped; never less than five.
        torn_down: whether the worker itself is being cancelled or ended, and not by its own `stop`. A task that then
            raises something has not failed.
        puts_off: whether a task whose function is missing here is put off for other workers.
        wary: whether a module that is not loaded is first imported in another process, because it may end this one.
    """

    def __init__(
        self,
        application: Application,
        limits: Limits,
        *,
        default_timeout: float | None = None,
        inline: Callable[[Run, Callable[[], Any]], Awaitable[Any]] | None = None,
        check: Callable[[str, LimitPolicy | None, ClaimedTask], Awaitable[RunResult | None]] | None = None,
        chains: Dependencies | None = None,
        grace: float = 0.0,
        torn_down: Callable[[], bool] = lambda: False,
        puts_off: Callable[[], bool] = lambda: False,
        wary: Callable[[], bool] = lambda: False,
    ) -> None:
        self._torn_down = torn_down
        self._application = application
        self._resolver = Resolver(application.allow, default_timeout)
        self._limits = limits
        self._hooks = application.hooks
        self._inline = inline
        self._check = check
        self._chains = chains
        self._grace = grace
        self._puts_off = puts_off
        self._wary = wary
        self._threads = Threads()
        self._imports = Imports(self._resolver, self._threads)
        self._trials = Trials(application)

    @property
    def abandoned(self) -> int:
        """Threads that run on although nobody waits for them any more."""
        return self._threads.abandoned

    @property
    def found_any(self) -> bool:
        """Whether any function was found."""
        return self._resolver.found_any

    @property
    def looking(self) -> bool:
        """Whether a function is being looked for."""
        return self._imports.under_way

    def prepare(self, claimed: ClaimedTask, open_stream: Callable[[], Stream]) -> Run:
        """A run of this row, for `run`; `open_stream` is called when it yields something."""
        return Run(claimed, open_stream, self._limits.max_log_size, self._chains, self._grace)

    def declares(self, path: str) -> bool:
        """Whether the function at this path is known here, and declared with `@task`."""
        resolved = self._resolver.known(path)
        return resolved is not None and resolved.declared

    def info_of(self, claimed: ClaimedTask) -> TaskInfo:
        """What hooks are told of this row, with the attempts that its function declares once that was found."""
        resolved = self._resolver.known(claimed.task)
        return info_of(claimed, resolved.retry if resolved else None)

    async def run(self, run: Run) -> RunResult | None:
        """Run a task in the current asyncio task and context, which should be its own.

        Nothing the task does is raised here, nor what any other code of the application raises on the way. Returns None
        if the run was stopped from outside, after the task has cleaned up behind itself, if its claim turned out to be
        gone, and if it was given up before.

        GeneratorExit is raised all the same, and a RuntimeError that stands for it. Whoever has begun the asyncio task
        asks `was_cut_short`, and then `cut_short`.
        """
        current_run.set(run)
        # What the attempt has failed by; else as `_prepare_and_call`, and None where it was stopped.
        ended: RunResult | BaseException | None
        try:
            ended = await self._prepare_and_call(run)
        except Raised as raised:
            ended = self._judge(run, raised.error)
        except BaseException as raised:
            if is_a(raised, GeneratorExit):
                raise  # whether these coroutines are being closed is seen by the outermost one: see `cut_short`
            ended = self._not_begun(run, raised) or self._judge(run, raised)
        else:
            if run.timed_out and ended is _CALLED:
                ended = self._judge(run, None)
        finally:
            await run.end()
        if ended is _CALLED and not run.streamed and not run.abandoned:  # as most do
            return RunResult(Status.COMPLETED, run.output, None, run.capture.text(), False)
        try:
            result = await self._end(run, ended)
        finally:
            run.close()
        return None if run.abandoned else result

    async def cut_short(self, run: Run, raised: BaseException) -> RunResult | None:
        """What becomes of a run out of which `run` has raised this: see `was_cut_short`."""
        try:
            await run.end()
            result = await self._end(run, self._judge(run, raised))
        finally:
            run.close()
        return None if run.abandoned else result

    async def give_up(self, run: Run) -> RunResult | None:
        """What becomes of a run that ignores its cancellation: None if it was to end without a result."""
        run.stopped = True
        if not run.timed_out:
            return None
        failure = self._timeout(run, _GIVEN_UP)
        error, retry_in = self._failed(run, failure)
        if run.streamed:
            with contextlib.suppress(InvalidTask), anyio.move_on_after(_FLUSH):
                try:
                    await run.flush()
                except StreamLost:
                    return None
        return self._failure_of(run, error, retry_in)

    async def _end(self, run: Run, ended: RunResult | BaseException | None) -> RunResult | None:
        """What becomes of the row after this end of its attempt."""
        if ended is None or run.abandoned:
            return None
        error: str | None = None
        retry_in: float | None = None
        if isinstance(ended, BaseException):
            error, retry_in = self._failed(run, ended)
        elif ended is not _CALLED:
            return ended
        try:
            if run.streamed:
                # The outcome is decided. What the task has left behind, such as a cancellation of its asyncio task that
                # is still to come, or a scope of anyio that it never left, must not change it.
                await surely(run.flush(), name="asyncqueue flush")
        except StreamLost:
            return None
        except InvalidTask as invalid:
            # Where the task itself failed, that is what its reader wants to know.
            if error is None:
                error, _ = self._failed(run, invalid)
        if error is None:
            return RunResult(Status.COMPLETED, run.output, None, run.capture.text(), run.streamed)
        return self._failure_of(run, error, retry_in)

    async def _prepare_and_call(self, run: Run) -> RunResult | None:
        """Find the function, read its arguments and call it.

        Returns _CALLED; or what becomes of the row because it may not run here and now, None if it was stopped before.
        Raises Raised with what the validators and types of the arguments raise.
        """
        claimed = run.claimed
        try:
            resolved = self._resolver.known(claimed.task) or await self._find(claimed.task)
        except TaskNotImportable as error:
            if self._inline is not None or lacking(error) is not None:
                raise
            return self._unfound(run, error)
        run.retry = resolved.retry
        if self._check is not None and (resolved.limits is not None or claimed.links):
            instead = await self._check(resolved.path, resolved.limits, claimed)
            if instead is not None:
                return instead
        arguments = call(resolved.arguments.read, claimed.args, self._limits.max_args_size)
        if self._hooks.before_job:
            if not run.go():
                return None
            await self._hooks.fire("before_job", info_of(claimed, run.retry))
        # A process of its own is ended by the worker when the time is over.
        if not run.begin(resolved.timeout if self._inline is None else None):
            return None
        await self._call(run, resolved, arguments)
        return _CALLED

    def _not_begun(self, run: Run, raised: BaseException) -> RunResult | None:
        """What becomes of a row that this process lacks the means to begin; None for any other."""
        if run.stopping or run.timed_out or self._torn_down():
            return None
        lack = lacked_before(raised, begun=run.begun)
        return None if lack is None else not_begun(lack, run.attempt)

    def _judge(self, run: Run, raised: BaseException | None) -> BaseException | None:
        """What an attempt has failed by that raised this, or returned: None if it has not failed."""
        stopping = run.stopping or self._torn_down()
        ended = how_it_ended(raised, timed_out=run.timed_out, stopping=stopping)
        if ended is Ended.RAISED:
            return raised
        if ended is not Ended.TIMED_OUT:
            return None
        if is_a(raised, (asyncio.CancelledError, TaskProcessError)):
            return self._timeout(run, _IN_THREAD if run.in_thread else "")
        if raised is None:
            logger.warning(
                "task %s (%s) returned after its timeout of %g seconds; its result is discarded",
                run.claimed.id,
                run.claimed.task,
                run.timeout,
                extra=run.about,
            )
            run.output = run.output if run.streamed else None
            return self._timeout(run, "It went on and returned; its result is discarded.")
        return self._timeout(run, f"It went on and raised another error:\n\n{describe_error(raised)}")

    @staticmethod
    def _failure_of(run: Run, error: str, retry_in: float | None) -> RunResult:
        return RunResult(Status.FAILED, run.output, error, run.capture.text(), run.streamed, retry_in, run.attempt)

    def is_plain(self, path: str) -> bool:
        """Whether the function at this path is neither async nor an async generator. It may be imported for that."""
        try:
            resolved = self._resolver.known(path) or self._resolver.resolve(path)
        except InvalidTask:
            return False
        return resolved.kind in (Kind.SYNC, Kind.GENERATOR)

    def _unfound(self, run: Run, error: TaskNotImportable) -> RunResult:
        """What becomes of a task whose function could not be found or imported."""
        puts_off = isinstance(error, UnknownTask) and self._puts_off()
        if puts_off:
            return RunResult(Status.SCHEDULED, error=str(error), attempt=run.attempt, unfound=True)
        text, _ = self._failed(run, error)
        return self._failure_of(run, text, None)._replace(unfound=True)

    async def declared(self, path: str) -> bool | None:
        """Whether the function at this path is declared with `@task`; None where there is none that may run here.

        That says nothing of the function: it may be one of another service, whose workers know it. True also for one
        whose look-up ends the process: it runs again, so that its losses are counted.
        """
        try:
            return (await self._look_up(path)).declared
        except EndsTheProcess as error:
            logger.error("%s", error)
            return True
        except InvalidTask:
            return None

    async def limit_of(self, path: str) -> Limit:
        """What the function at this path declares. Raises InvalidTask where there is none that may run here."""
        resolved = await self._look_up(path)
        return Limit(path) if resolved.limits is None else resolved.limits.declared(path)

    async def _look_up(self, path: str) -> Resolved:
        """The function at a path of which this worker has claimed no task. Raises InvalidTask, and nothing else."""
        resolved = self._resolver.known(path)
        if resolved is not None:
            return resolved
        try:
            await self._trials.check(path)
            return await self._resolve(path)
        except InvalidTask:
            raise
        except Exception as error:
            raise TaskNotImportable(f"{path} cannot be looked up: {shown(error)}") from error

    async def _find(self, path: str) -> Resolved:
        """The function of a task that this worker has claimed."""
        if self._wary():
            await self._trials.check(path)
        return await self._resolve(path)

    async def _resolve(self, path: str) -> Resolved:
        if self._inline is not None:
            return self._resolver.resolve(path)
        return await self._imports.resolve(path)

    def _tell(self, run: Run, failure: BaseException) -> None:
        if self._application.caught is None:
            return
        try:
            call(self._application.caught, run.claimed.id, failure)
        except Raised as raised:
            logger.error(
                "what is told of exceptions failed; the task is not affected", exc_info=raised.error, extra=run.about
            )

    def _failed(self, run: Run, failure: BaseException) -> tuple[str, float | None]:
        """The text of a failed attempt, and in how many seconds the next one is due."""
        if is_a(failure, TaskProcessError):
            return str(failure), failure.retry_in
        self._tell(run, failure)
        retry, own = run.retry or NO_RETRY, run.claimed.max_attempts
        plain = is_a(failure, (InvalidTask, TaskTimeout, TaskProcessDied))
        text = describe_plainly(failure) if plain else describe_error(failure)
        try:
            retry_in = call(retry.retry_in, failure, run.attempt, own)
        except Raised as raised:
            # The classes of retry_on and give_up_on may have an `__instancecheck__` of their own.
            return f"{text}\n\nIt is not tried again: its retry_on or give_up_on raised {raised}", None
        if is_a(failure, Retry) and retry_in is None:
            text = f"The task asked for another attempt, but max_attempts ({retry.limit(own)}) is used up: {text}"
        return text, retry_in

    @staticmethod
    def _timeout(run: Run, more: str) -> TaskTimeout:
        text = f"Task timed out after {run.timeout:g} seconds"
        return TaskTimeout(f"{text}\n\n{more}" if more else text)

    async def _call(self, run: Run, resolved: Resolved, arguments: Mapping[str, Any]) -> None:
        function = resolved.function
        kind = resolved.kind
        generator = kind in (Kind.GENERATOR, Kind.ASYNC_GENERATOR)
        if generator:
            run.output = ""  # unless it yields something; Django's worker begins with this too
        call = self._inline or self._in_thread
        if resolved.isolated and self._inline is None:
            run.begun = False  # its process says when it is
            output = await run_in_process(run, self._limits, prepare=self._application.prepare, module=resolved.module)
            if not generator:
                run.output = output
        elif kind is Kind.ASYNC:
            run.output = encode_result(await function(**arguments), self._limits.max_output_size)
        elif kind is Kind.SYNC:
            value = await call(run, functools.partial(function, **arguments))
            if inspect.isawaitable(value):
                value = await value
            run.output = encode_result(value, self._limits.max_output_size)
        elif kind is Kind.ASYNC_GENERATOR:
            await self._iterate(run, function(**arguments))
        elif self._inline is not None:
            await call(run, functools.partial(self._iterate_here, run, functools.partial(function, **arguments)))
        else:
            generate = functools.partial(function, **arguments)
            await call(run, functools.partial(self._iterate_in_thread, run, generate, asyncio.get_running_loop()))

    async def _in_thread(self, run: Run, function: Callable[[], Any]) -> Any:
        run.in_thread = True

        def call() -> Any:
            with self._application.around():
                return function()

        try:
            what = f"the thread of task {run.claimed.id} ({run.claimed.task})"
            return await self._threads.run(call, what, about=lambda: run.about)
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

    def _iterate_here(self, run: Run, function: Callable[[], Generator[Any]]) -> None:
        with contextlib.closing(function()) as generator:
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
