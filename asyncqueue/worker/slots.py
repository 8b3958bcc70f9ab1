"""Runs claimed tasks, a bounded number at once."""

from __future__ import annotations

import asyncio
import functools
import logging
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable
from typing import Any

from asyncqueue.background import GuardedTask, OwnTask, others_context, own_context
from asyncqueue.loggers import get_logger
from asyncqueue.model import Status
from asyncqueue.running import forks
from asyncqueue.running.boundary import was_cut_short
from asyncqueue.running.run import Run
from asyncqueue.running.runner import Runner, RunResult, not_begun
from asyncqueue.running.shortage import lacking
from asyncqueue.running.texts import describe_error
from asyncqueue.worker.fuse import Fuse
from asyncqueue.worker.ledger import HeldClaim, Ledger, Reason
from asyncqueue.worker.signal import Signal
from asyncqueue.worker.streaming import Streams

logger = get_logger("asyncqueue.worker")


class Slots:
    """`size` places for running tasks, and a buffer of claimed ones that wait for a place.

    Each run is an asyncio task with a context of its own: context variables, cancellation and whatever else user code
    does to "the current task" end with it. It is not a child of the worker's task group, because a task that ignores
    its cancellation would then keep the worker from ever stopping.

    Args:
        size: how many tasks run at once.
        ledger: tells whether a lease still stands when a task's turn comes, and whether an earlier run of its row has
            ended.
        runner: runs one task.
        streams: where generators write.
        on_end: called with each claim when its run has ended, with or without a result.
    """

    def __init__(
        self, size: int, ledger: Ledger, runner: Runner, streams: Streams, on_end: Callable[[HeldClaim], None]
    ) -> None:
        self.ended = 0
        self._size = size
        self._ledger = ledger
        self._runner = runner
        self._streams = streams
        self._on_end = on_end
        self._buffer: deque[HeldClaim] = deque()
        self._buffered_at = 0.0
        #: Those whose turn has come, and that wait for the end of an earlier run of their row in this worker.
        self._behind: list[HeldClaim] = []
        ledger.on_superseded = self._look_behind
        self._running: dict[asyncio.Task[Any] | None, HeldClaim] = {}
        # Runs that ignore their cancellation: asyncio itself keeps no reference to its tasks.
        self._abandoned: dict[asyncio.Task[Any] | None, tuple[HeldClaim, float]] = {}
        self._context = others_context()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._idle = Signal()
        self._fuse = Fuse()
        #: Whether starts and ends are logged, and when those began that are under way.
        self._telling = False
        self._began: dict[HeldClaim, float] = {}

    def note(self, note: Callable[[], object]) -> None:
        """Call this in the context of which every run from here on gets a copy: it sets context variables."""
        self._context.run(note)

    @property
    def running(self) -> int:
        """How many tasks run now."""
        return len(self._running)

    @property
    def abandoned(self) -> int:
        """How many go on that were given up, because they ignore their cancellation."""
        return len(self._abandoned)

    @property
    def buffered(self) -> int:
        """How many wait for a place."""
        return len(self._buffer) + len(self._behind)

    @property
    def free(self) -> int:
        """How many more fit without waiting."""
        return self._size - len(self._running) - self.buffered

    def holds(self, held: HeldClaim) -> bool:
        """Whether it runs here, or waits for a place."""
        return held in self._buffer or held in self._behind or held in self._running.values()

    @property
    def claims(self) -> Collection[HeldClaim]:
        """The claims whose tasks run now."""
        return self._running.values()

    def begun(self, path: str) -> bool:
        """Whether the function of any task of this path is being called."""
        return any(held.claimed.task == path and held.run is not None and held.run.begun for held in self.claims)

    def waiting_for(self) -> float:
        """Seconds since a task was last taken from the buffer or put there, 0 while it is empty."""
        return time.monotonic() - self._buffered_at if self._buffer else 0.0

    def describe(self, task: asyncio.Task[Any]) -> str:
        """What an asyncio task is: the run of a row, or something else."""
        held = self._held(task)
        return f"task {held.claimed.task} ({held.id})" if held is not None else task.get_name()

    def about(self, task: asyncio.Task[Any]) -> dict[str, str | int]:
        """What a record about an asyncio task carries."""
        held = self._held(task)
        return held.about if held is not None else {}

    def _held(self, task: asyncio.Task[Any]) -> HeldClaim | None:
        return self._running.get(task) or self._abandoned.get(task, (None,))[0]

    def accept(self, claims: Iterable[HeldClaim]) -> None:
        """Run these as soon as there are places, in this order. What cannot be begun is handed back by `on_end`."""
        self._telling = logger.isEnabledFor(logging.DEBUG)
        self._buffer.extend(claims)
        self._fill()

    def withdraw(self) -> list[HeldClaim]:
        """Take back what waits for a place: it may have one in another worker."""
        waiting = list(self._buffer)
        self._buffer.clear()
        return waiting

    def withdraw_all(self) -> list[HeldClaim]:
        """Take back what has not started."""
        behind, self._behind = self._behind, []
        return [*behind, *self.withdraw()]

    def interrupt(self, reason: Reason) -> None:
        """Stop everything that runs."""
        for held in list(self._running.values()):
            held.stop(reason)

    async def wait_idle(self) -> None:
        """Return when nothing runs."""
        while self._running:
            await self._idle.wait()

    def give_up(self) -> None:
        """Give up all runs that go on; each ends soon, as one does that ignores its last cancellation."""
        for held in list(self._running.values()):
            if held.run is not None:
                held.run.give_up()

    def abandon(self) -> list[HeldClaim]:
        """Forget what still has not ended. Returns the claims."""
        stuck = list(self._running.values())
        self._running.clear()
        return stuck

    def _fill(self) -> None:
        self._buffered_at = time.monotonic()
        while self._buffer and len(self._running) < self._size:
            held = self._buffer.popleft()
            if held.reason is None and self._ledger.standing(held):
                if self._ledger.waits(held):
                    self._behind.append(held)
                    continue
                try:
                    self._start(held)
                except Exception as error:  # noqa: BLE001 - it must not keep the other tasks from starting
                    self._not_started(held, error)
            else:
                # Taken, cancelled, or too old to be sure of: it must not run. The end writes what is still ours.
                if held.reason is None:
                    logger.warning(
                        "task %s (%s) waited longer than its lease; not started",
                        held.id,
                        held.claimed.task,
                        extra=held.about,
                    )
                self._on_end(held)

    def _look_behind(self) -> None:
        """Look, a moment later, which of those that wait need not: whoever calls this is in the middle of something."""
        if self._behind:
            asyncio.get_running_loop().call_soon(self._resume)

    def _resume(self) -> None:
        behind, self._behind = self._behind, []
        for held in behind:
            if held.reason is not None:
                self._on_end(held)
            elif self._ledger.waits(held):
                self._behind.append(held)
            else:
                self._buffer.append(held)
        self._fill()

    def _not_started(self, held: HeldClaim, error: Exception) -> None:
        lack = lacking(error)
        if lack is not None:
            held.run, held.result = None, not_begun(lack, held.claimed.attempt + 1)
            self._on_end(held)
            return
        logger.exception(
            "task %s (%s) could not be started: it is handed back", held.id, held.claimed.task, extra=held.about
        )
        held.run = None
        held.result = self._fuse.ended_without_result(held.id, held.claimed.attempt + 1)
        self._on_end(held)

    def _start(self, held: HeldClaim) -> None:
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
        run = held.run = self._runner.prepare(held.claimed, functools.partial(self._streams.open, held))
        run.on_given_up = self._give_up
        if self._telling:
            self._tell_start(held)
        run.task = task = GuardedTask(self._run(held, run), loop=self._loop, context=self._context.copy())
        self._running[task] = held

    async def _run(self, held: HeldClaim, run: Run) -> None:
        result: RunResult | None = None  # where the loop ends: it is handed back
        try:
            result = await self._runner.run(run)
            if forks.in_child:
                forks.leave_child(None)
        except (Exception, GeneratorExit) as error:  # noqa: BLE001 - logged there, or a result
            result = await self._broken_off(held, run, error)
        finally:
            task, run.task = run.task, None
            self.ended += 1
            if self._running.pop(task, None) is not None:
                held.result = result
                self._over(held)
            elif task in self._abandoned:
                _, since = self._abandoned.pop(task)
                logger.warning(
                    "task %s (%s), abandoned earlier, has ended after %.1f s more; its result is discarded",
                    held.id,
                    held.claimed.task,
                    time.monotonic() - since,
                    extra=held.about,
                )

    async def _broken_off(self, held: HeldClaim, run: Run, error: BaseException) -> RunResult | None:
        """What becomes of a run out of which the runner has let this. Raises it where the loop ends."""
        try:
            if was_cut_short(run.task, error):
                return await self._runner.cut_short(run, error)
            if not isinstance(error, Exception):
                raise error
        except Exception as another:  # noqa: BLE001 - as the one that is reported below
            error = another
        lack = None if run.begun else lacking(error)
        if lack is not None:
            return not_begun(lack, run.attempt)
        # The runner lets nothing else of the application's through, so this is a defect of ours. Handed back it would
        # come again and again.
        logger.error(
            "task %s (%s) failed by an error of the worker itself",
            *(held.id, held.claimed.task),
            exc_info=error,
            extra=held.about,
        )
        return RunResult(Status.FAILED, error=describe_error(error), attempt=run.attempt)

    def _give_up(self, run: Run) -> None:
        """Free the place of a run that ignores its cancellation, and decide what becomes of its row."""
        held = self._running.pop(run.task, None)
        if held is None:
            return
        logger.error(
            "task %s (%s) ignores its cancellation: it is abandoned, and may go on in this process until that ends. "
            "Look for an `except` in it that catches asyncio.CancelledError and does not raise it again",
            held.id,
            held.claimed.task,
            extra=held.about,
        )
        self._abandoned[run.task] = held, time.monotonic()
        task = OwnTask(self._end_abandoned(held, run), loop=self._loop, context=own_context(self._context))
        self._running[task] = held

    async def _end_abandoned(self, held: HeldClaim, run: Run) -> None:
        held.keep_log()
        held.run = None
        try:
            held.result = await self._runner.give_up(run)
        finally:
            if self._running.pop(asyncio.current_task(), None) is not None:
                self._over(held)

    def _over(self, held: HeldClaim) -> None:
        if self._began:
            self._tell_end(held)
        if held.reason is not None:
            held.keep_log()
        elif held.result is None and held.run is not None:
            held.result = self._fuse.ended_without_result(held.id, held.run.attempt)
        held.run = None
        self._on_end(held)
        if self._buffer:
            self._fill()
        if not self._running:
            self._idle.set()

    def _tell_start(self, held: HeldClaim) -> None:
        self._began[held] = time.monotonic()
        logger.debug("task %s (%s) starts", held.id, held.claimed.task, extra=held.about)

    def _tell_end(self, held: HeldClaim) -> None:
        began = self._began.pop(held, None)
        if began is None:  # it started when nothing was told
            return
        what, result = "was stopped", held.result
        if result is not None:
            what = _ENDS.get(result.status, "has ended")
        took = time.monotonic() - began
        logger.debug("task %s (%s) %s after %.3f s", held.id, held.claimed.task, what, took, extra=held.about)


_ENDS = {
    Status.COMPLETED: "has completed",
    Status.FAILED: "has failed",
    Status.SCHEDULED: "waits for a slot under its limit",
}
