"""Calls the hooks that follow the end of a task, a bounded number at once."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

from asyncqueue.background import GuardedTask
from asyncqueue.running.hooks import Hooks
from asyncqueue.worker.signal import Signal

#: Calls at once, each of which has a thread where the hook is a plain function.
_AT_ONCE = 16
#: Calls that may wait until the worker claims no more.
_BACKLOG = 1_000


class Firing:
    """The calls of on_success and on_failure.

    Tasks do not wait for them. A worker whose hooks are slower than its tasks claims nothing while `behind` is true, so
    what waits cannot grow for ever.

    Args:
        hooks: the application's.
        on_caught_up: called when it is not behind any more.
    """

    def __init__(self, hooks: Hooks, *, on_caught_up: Callable[[], None]) -> None:
        self._hooks = hooks
        self._on_caught_up = on_caught_up
        self._waiting: deque[tuple[str, tuple[Any, ...]]] = deque()
        self._calling: set[asyncio.Task[None]] = set()
        self._idle = Signal()
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
            if len(self._calling) < _AT_ONCE:
                task = GuardedTask(self._call())
                self._calling.add(task)
                task.add_done_callback(self._ended)

    async def wait_idle(self) -> None:
        """Return when all calls have ended."""
        while self._calling:
            await self._idle.wait()

    def abandon(self) -> None:
        """Stop all calls without waiting for their ends; a thread goes on."""
        self.abandoned += len(self._calling) + len(self._waiting)
        self._waiting.clear()
        for task in self._calling:
            task.cancel()
        self._calling.clear()

    async def _call(self) -> None:
        while self._waiting:
            behind = self.behind
            event, details = self._waiting.popleft()
            if behind and not self.behind:
                self._on_caught_up()
            await self._hooks.fire(event, *details)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._calling.discard(task)
        if not self._calling:
            self._idle.set()
