"""Calls the hooks that follow the end of a task, a bounded number at once."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from asyncqueue import background
from asyncqueue.background import GuardedTask
from asyncqueue.loggers import get_logger
from asyncqueue.running.hooks import Hooks, threads_left
from asyncqueue.worker.signal import Signal

logger = get_logger("asyncqueue.worker")

#: Calls at once, each of which has a thread where the hook is a plain function.
_AT_ONCE = 16
#: Calls that may wait until the worker claims no more.
_BACKLOG = 1_000
#: Seconds that a call may take where it keeps the worker from claiming, and between two lines of the log about that.
_LONG = 60.0
#: Seconds until the log says that it claims nothing. Hooks that are slow for a moment only catch up by then.
_SOON = 1.0
#: Threads of plain hooks that go on although they were abandoned, from which on none is abandoned any more.
_LEFT = 100


class Firing:
    """The calls of on_success and on_failure.

    Tasks do not wait for them. A worker whose hooks are slower than its tasks claims nothing while `behind` is true, so
    what waits cannot grow for ever. It says so in the log, at most once a minute.

    Nobody but its author knows how long a hook may take, so a call may go on as long as it keeps nobody waiting. In a
    worker that has been behind for a minute, calls that have gone on for a minute are abandoned. A thread cannot be
    stopped, so that has an end, too: where many of them go on, the worker stays behind.

    Args:
        hooks: the application's.
        on_caught_up: called when it is not behind any more.
        on_stuck: called when calls have taken too long while it was behind.
    """

    def __init__(
        self, hooks: Hooks, *, on_caught_up: Callable[[], None], on_stuck: Callable[[], None] = lambda: None
    ) -> None:
        self._hooks = hooks
        self._on_caught_up = on_caught_up
        self._on_stuck = on_stuck
        self._waiting: deque[tuple[str, tuple[Any, ...]]] = deque()
        #: The calls under way: which hook, and since when.
        self._calling: dict[asyncio.Task[None], tuple[str, float]] = {}
        self._idle = Signal()
        #: Set from the time at which it is behind until it says so, and for a minute from then on.
        self._timer: asyncio.TimerHandle | None = None
        #: Calls that did not end in time, or did not begin.
        self.abandoned = 0

    @property
    def behind(self) -> bool:
        """Whether so many calls wait that no more are to come."""
        return len(self._waiting) >= _BACKLOG

    def wants(self, event: str) -> bool:
        """Whether there are hooks of this event."""
        return self._hooks.has(event)

    def fire(self, event: str, *details: Any) -> None:
        """Call the hooks of an event soon."""
        if self.wants(event):
            self._waiting.append((event, details))
            self._begin()
            if self._timer is None and self.behind:
                self._timer = asyncio.get_running_loop().call_later(_SOON, self._say)

    async def wait_idle(self) -> None:
        """Return when all calls have ended."""
        while self._calling:
            await self._idle.wait()

    def abandon(self) -> None:
        """Stop all calls without waiting for their ends; a thread goes on."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.abandoned += len(self._waiting)
        self._waiting.clear()
        self._give_up(list(self._calling))

    def _give_up(self, calls: list[asyncio.Task[None]]) -> None:
        self.abandoned += len(calls)
        for task in calls:
            del self._calling[task]
            background.cancel(task)

    def _begin(self) -> None:
        """Begin as many calls as may be under way. Each goes on with the next one that waits."""
        for _ in range(min(_AT_ONCE - len(self._calling), len(self._waiting))):
            task = GuardedTask(self._call(), context=background.others_context())
            self._calling[task] = "", time.monotonic()
            task.add_done_callback(self._ended)

    async def _call(self) -> None:
        own = asyncio.current_task()
        assert own is not None  # noqa: S101 - this is a coroutine

        def note(which: str) -> None:
            if own in self._calling:
                self._calling[own] = which, time.monotonic()

        while self._waiting and own in self._calling:
            behind = self.behind
            event, details = self._waiting.popleft()
            if behind and not self.behind:
                self._on_caught_up()
            await self._hooks.fire(event, *details, note=note)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._calling.pop(task, None)
        if not self._calling:
            self._idle.set()

    def _say(self) -> None:
        """Say that it is behind, where it still is, and look again in a minute."""
        self._timer = None
        if not self.behind:
            return
        logger.warning(
            "the hooks are slower than the tasks: claiming nothing until they have caught up. %d calls wait for %s",
            *(len(self._waiting), self._named(list(self._calling))),
        )
        self._timer = asyncio.get_running_loop().call_later(_LONG, self._look_again)

    def _look_again(self) -> None:
        since = time.monotonic() - _LONG
        stuck = [task for task, (_, began) in self._calling.items() if began <= since]
        if stuck and self.behind:
            if threads_left() + len(stuck) <= _LEFT:
                logger.error(
                    "%d calls of hooks keep the worker from claiming, and are abandoned: %s. Give what they wait for a "
                    "timeout",
                    *(len(stuck), self._named(stuck)),
                )
                self._give_up(stuck)
                self._begin()
            self._on_stuck()
        self._say()

    def _named(self, calls: list[asyncio.Task[None]]) -> str:
        """Which hooks these call, how often, and for how long."""
        now, named = time.monotonic(), dict[str, list[float]]()
        for which, began in map(self._calling.__getitem__, calls):
            if which:
                named.setdefault(which, []).append(now - began)
        return "; ".join(
            f"{which} ({len(times)} calls, the longest for {max(times):.1f} s)" for which, times in named.items()
        )
