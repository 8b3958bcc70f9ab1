"""One run of a task while it goes on: what it is, what it has left so far, and how to stop it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from asyncqueue.backends.services import Dependencies
from asyncqueue.background import code_of_a_run
from asyncqueue.logs import about
from asyncqueue.model import ClaimedTask
from asyncqueue.retries import RetryPolicy
from asyncqueue.running.capture import Capture
from asyncqueue.running.stream import Stream

#: Seconds that a run has for its own clean-up before it is cancelled again, and between further times: where it is out
#: of time, and at least so many where it is stopped.
_AGAIN = 5.0
#: Seconds after the second cancellation until the run is given up.
_LAST = 1.0


class Run:
    """A run, in an asyncio task of its own.

    It is stopped by cancelling that task: at once, and again after `patience` seconds, because a function may take one
    cancellation for something else. A run that goes on after the second one is given up: `on_given_up` is told.

    Args:
        claimed: the row.
        open_stream: makes the stream of its output, called when it yields something.
        max_log_size: bytes of its log.
        chains: what the task has run after is read there; None in a process of its own, which has no database.
        grace: seconds that it has for its own clean-up when it is stopped.
    """

    __slots__ = (
        "_about",
        "_again",
        "_cancellations",
        "_going",
        "_open_stream",
        "_stream",
        "_timer",
        "abandoned",
        "at_hand",
        "begun",
        "capture",
        "chains",
        "claimed",
        "grace",
        "in_thread",
        "on_given_up",
        "output",
        "patience",
        "retry",
        "size",
        "stopped",
        "stopping",
        "task",
        "timed_out",
        "timeout",
    )

    def __init__(
        self,
        claimed: ClaimedTask,
        open_stream: Callable[[], Stream],
        max_log_size: int,
        chains: Dependencies | None = None,
        grace: float = 0.0,
    ) -> None:
        self.claimed = claimed
        self.chains = chains
        self.grace = grace
        self.capture = Capture(max_log_size)
        self.output: str | None = None
        #: What its function declares, once that is found.
        self.retry: RetryPolicy | None = None
        #: Bytes yielded so far.
        self.size = 0
        self.in_thread = False
        #: Its plain code is being executed in the main thread, where a signal's handler can raise what stops it.
        self.at_hand = False
        #: Its function was called, or is about to be.
        self.begun = False
        #: Seconds for its own clean-up before it is cancelled again.
        self.patience = _AGAIN
        #: Somebody wants it to end without a result.
        self.stopping = False
        #: Seconds that its function may take, and whether they were over before it ended.
        self.timeout: float | None = None
        self.timed_out = False
        #: It ignores its cancellation: its end was decided without it, and nothing that it does now counts.
        self.abandoned = False
        #: Called with this run when it is given up.
        self.on_given_up: Callable[[Run], None] | None = None
        #: Nothing may be written any more.
        self.stopped = False
        #: The asyncio task it has for itself, while it goes on: its context refers to this run, and a circle of
        #: references would leave every run to the garbage collector.
        self.task: asyncio.Task[Any] | None = None
        self._about: dict[str, str | int] | None = None
        self._going = False
        self._cancellations = 0
        self._open_stream = open_stream
        self._stream: Stream | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._again: asyncio.TimerHandle | None = None

    @property
    def attempt(self) -> int:
        """Which attempt it is, from 1."""
        failed, own = self.claimed.attempt, self.claimed.max_attempts
        return failed + 1 if self.retry is None else self.retry.attempt(failed, own)

    @property
    def about(self) -> dict[str, str | int]:
        """What a record that is made while it runs carries."""
        if self._about is None or self._about["attempt"] != self.attempt:
            self._about = about(self.claimed.id, self.claimed.task, self.attempt, self.claimed.queue)
        return self._about

    # -- how it goes

    def go(self) -> bool:
        """Say that code of the application is about to be called, which a cancellation may interrupt.

        Returns False if it must not be called, because the run was stopped before.
        """
        if self.stopping:
            return False
        if self.task is None:
            self.task = asyncio.current_task()
        self._going = True
        return True

    def begin(self, timeout: float | None) -> bool:
        """Say that the function is about to be called, and may take `timeout` seconds. Returns as `go` does."""
        if self.stopping:
            return False
        self._going = self.begun = True
        if self.task is None:
            self.task = asyncio.current_task()
        if timeout is not None:
            assert self.task is not None  # noqa: S101 - this is called in a coroutine
            self.timeout = timeout
            self._timer = self.task.get_loop().call_later(timeout, self._time_out)
        return True

    async def end(self) -> None:
        """Say that the function has ended. No cancellation of it is left that could hit what comes next."""
        self._going = False
        self.close()
        if self.task is not None and self.task.cancelling():
            while self.task.cancelling():
                self.task.uncancel()
            # A cancellation that the function did not live to see is delivered at the next step.
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(0)

    def close(self) -> None:
        """Say that the run is over: nothing more is to be cancelled, or given up."""
        self._stop_timer()
        if self._again is not None:
            self._again.cancel()
            self._again = None

    def stop(self) -> None:
        """Cancel it: it ends without a result, after its own clean-up, which no timeout cuts short any more."""
        if not self.stopping:
            self.stopping = True
            self._stop_timer()
            if not self.timed_out:  # else it cleans up already
                self.patience = max(self.patience, self.grace)
                self._cancel()

    def give_up(self) -> None:
        """Go on without it. It is cancelled further: that may end it yet."""
        if not self.abandoned:
            self.abandoned = True
            if self.on_given_up is not None:
                self.on_given_up(self)

    def _time_out(self) -> None:
        self.timed_out = True
        self._cancel()

    def _cancel(self) -> None:
        """Cancel now, and again later: a function may take one cancellation for something else and go on."""
        if self.task is None:
            return
        if self._going:
            asyncio.Task.cancel(self.task)  # in whichever context: see `GuardedTask`
        self._cancellations += 1
        if self._again is not None:
            self._again.cancel()
        loop = self.task.get_loop()
        if self._cancellations == 2:
            self._again = loop.call_later(_LAST, self._insist)
        else:
            self._again = loop.call_later(self.patience, self._cancel)

    def _insist(self) -> None:
        """Two cancellations have not ended it."""
        self.give_up()
        self._cancel()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # -- what it yields

    @property
    def streamed(self) -> bool:
        """Whether anything was yielded."""
        return self._stream is not None

    def write(self, text: str) -> None:
        """Stream text, unless the run was stopped meanwhile: a thread's callback may come late."""
        if not self.stopped:
            if self._stream is None:
                self._stream = self._open_stream()
            self._stream.write(text)

    async def flush(self) -> None:
        """Return when all that was yielded is written; nothing can be added then. Raises what the stream raises."""
        self.stopped = True
        if self._stream is not None:
            await self._stream.flush()


#: The run whose code is executing, in its asyncio task and in its threads.
current_run: ContextVar[Run | None] = code_of_a_run
