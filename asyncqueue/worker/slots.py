"""Runs claimed tasks, a bounded number at once."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import logging
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

from asyncqueue.running.run import Run
from asyncqueue.running.runner import Runner
from asyncqueue.worker.ledger import Held, Ledger, Reason
from asyncqueue.worker.signal import Signal
from asyncqueue.worker.streaming import Streams

logger = logging.getLogger("asyncqueue.worker")


class Slots:
    """`size` places for running tasks, and a buffer of claimed ones that wait for a place.

    Each run is an asyncio task with a context of its own: context variables, cancellation and whatever else user code
    does to "the current task" end with it. It is not a child of the worker's task group, because a task that ignores
    its cancellation would then keep the worker from ever stopping.

    Args:
        size: how many tasks run at once.
        ledger: tells whether a lease still stands when a task's turn comes.
        runner: runs one task.
        streams: where generators write.
        on_end: called with each claim when its run has ended, with or without a result.
    """

    def __init__(
        self, size: int, ledger: Ledger, runner: Runner, streams: Streams, on_end: Callable[[Held], None]
    ) -> None:
        self.ended = 0
        self._size = size
        self._ledger = ledger
        self._runner = runner
        self._streams = streams
        self._on_end = on_end
        self._buffer: deque[Held] = deque()
        self._buffered_at = 0.0
        self._running: dict[asyncio.Task[Any] | None, Held] = {}
        self._context = contextvars.copy_context()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._failure: BaseException | None = None
        self._idle = Signal()

    @property
    def running(self) -> int:
        """How many tasks run now."""
        return len(self._running)

    @property
    def buffered(self) -> int:
        """How many wait for a place."""
        return len(self._buffer)

    @property
    def free(self) -> int:
        """How many more fit without waiting."""
        return self._size - len(self._running) - len(self._buffer)

    def waiting_for(self) -> float:
        """Seconds since a task was last taken from the buffer or put there, 0 while it is empty."""
        return time.monotonic() - self._buffered_at if self._buffer else 0.0

    def describe(self, task: asyncio.Task[Any]) -> str:
        """What an asyncio task is: the run of a row, or something else."""
        held = self._running.get(task)
        return f"task {held.claimed.task} ({held.id})" if held is not None else task.get_name()

    def accept(self, claims: Iterable[Held]) -> None:
        """Run these as soon as there are places, in this order. Raises what broke an earlier run's machinery."""
        if self._failure is not None:
            raise self._failure
        self._buffer.extend(claims)
        self._fill()

    def withdraw(self) -> list[Held]:
        """Take back what has not started."""
        waiting = list(self._buffer)
        self._buffer.clear()
        return waiting

    def interrupt(self, reason: Reason) -> None:
        """Stop everything that runs."""
        for held in list(self._running.values()):
            held.stop(reason)

    async def wait_idle(self) -> None:
        """Return when nothing runs."""
        while self._running:
            await self._idle.wait()

    def abandon(self) -> list[Held]:
        """Give up on runs that ignore their cancellation. Returns their claims."""
        stuck = list(self._running.values())
        self._running.clear()
        return stuck

    def _fill(self) -> None:
        self._buffered_at = time.monotonic()
        while self._buffer and len(self._running) < self._size:
            held = self._buffer.popleft()
            if held.reason is None and self._ledger.standing(held):
                self._start(held)
            else:
                # Taken, cancelled, or too old to be sure of: it must not run. The end writes what is still ours.
                if held.reason is None:
                    logger.warning("task %s (%s) waited longer than its lease; not started", held.id, held.claimed.task)
                self._on_end(held)

    def _start(self, held: Held) -> None:
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
        run = held.run = self._runner.prepare(held.claimed, functools.partial(self._streams.open, held))
        run.task = task = asyncio.Task(self._run(held, run), loop=self._loop, context=self._context.copy())
        self._running[task] = held

    async def _run(self, held: Held, run: Run) -> None:
        try:
            held.result = await self._runner.run(run)
        except BaseException as error:
            # The runner lets nothing of a task's own through, so this is a defect of ours or the loop's end.
            self._failure = error
            raise
        finally:
            task, run.task, held.run = run.task, None, None
            self.ended += 1
            if self._running.pop(task, None) is not None:
                self._on_end(held)
            if self._buffer:
                self._fill()
            if not self._running:
                self._idle.set()
