"""Runs claimed tasks, a bounded number at once."""

from __future__ import annotations

import asyncio
import contextvars
import logging
from collections import deque
from collections.abc import Callable, Iterable

import anyio

from asyncqueue.running.runner import Runner, RunResult
from asyncqueue.worker.ledger import Held, Ledger, Reason
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
        on_end: called with each claim and its result, None if the run was stopped before it had one.
    """

    def __init__(
        self,
        size: int,
        ledger: Ledger,
        runner: Runner,
        streams: Streams,
        on_end: Callable[[Held, RunResult | None], None],
    ) -> None:
        self.freed = anyio.Event()
        self.ended = 0
        self._size = size
        self._ledger = ledger
        self._runner = runner
        self._streams = streams
        self._on_end = on_end
        self._buffer: deque[Held] = deque()
        self._running: dict[Held, asyncio.Task[None]] = {}
        self._context = contextvars.copy_context()
        self._failure: BaseException | None = None

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
        for held in list(self._running):
            held.stop(reason)

    async def wait_idle(self) -> None:
        """Return when nothing runs."""
        while self._running:
            await self.freed.wait()

    def abandon(self) -> list[Held]:
        """Give up on runs that ignore their cancellation. Returns their claims."""
        stuck = list(self._running)
        self._running.clear()
        return stuck

    def _fill(self) -> None:
        while self._buffer and len(self._running) < self._size:
            held = self._buffer.popleft()
            if held.reason is None and self._ledger.standing(held):
                self._start(held)
            else:
                # Taken, cancelled, or too old to be sure of: it must not run. The end writes what is still ours.
                if held.reason is None:
                    logger.warning("task %s (%s) waited longer than its lease; not started", held.id, held.claimed.task)
                self._on_end(held, None)

    def _start(self, held: Held) -> None:
        name = f"task {held.claimed.task} ({held.id})"
        loop = asyncio.get_running_loop()
        self._running[held] = loop.create_task(self._run(held), name=name, context=self._context.copy())

    async def _run(self, held: Held) -> None:
        result: RunResult | None = None
        try:
            with anyio.CancelScope() as scope:
                held.scope = scope
                result = await self._runner.run(held.claimed, self._streams.open(held))
        except BaseException as error:
            # The runner lets nothing of a task's own through, so this is a defect of ours or the loop's end.
            self._failure = error
            raise
        finally:
            held.scope = None
            self.ended += 1
            if self._running.pop(held, None) is not None:
                self._on_end(held, result)
            self._fill()
            self.freed.set()
            self.freed = anyio.Event()
