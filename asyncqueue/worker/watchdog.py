"""Notices that a task blocks the event loop, and says which."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
import traceback
from collections.abc import Callable
from typing import Any

from asyncqueue.loggers import get_logger

logger = get_logger("asyncqueue.worker")

#: Seconds without a turn of the loop that are worth a warning.
_BLOCKED = 1.0
_TICK = 0.25


class Watchdog:
    """A thread that watches the loop of the thread that starts it.

    While a function blocks the loop nothing else runs there, the heartbeat included, so only another thread can say
    what is going on while it goes on.

    Args:
        describe: names an asyncio task.
        about: what a record about it carries.
    """

    def __init__(
        self,
        describe: Callable[[asyncio.Task[Any]], str],
        about: Callable[[asyncio.Task[Any]], dict[str, str | int]] = lambda _: {},
    ) -> None:
        self._describe = describe
        self._about = about
        self._loop = asyncio.get_running_loop()
        self._thread_id = threading.get_ident()
        self._beat = time.monotonic()
        self._stopped = threading.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._thread = threading.Thread(target=self._watch, name="asyncqueue-watchdog", daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        self._tick()
        self._thread.start()

    def stop(self) -> None:
        """Stop watching."""
        self._stopped.set()
        if self._timer is not None:
            self._timer.cancel()

    def _tick(self) -> None:
        self._beat = time.monotonic()
        self._timer = self._loop.call_later(_TICK, self._tick)

    def _watch(self) -> None:
        warned = 0.0
        looked = time.monotonic()
        while not self._stopped.wait(_TICK):
            beat, now = self._beat, time.monotonic()
            paused, looked = now - looked, now
            blocked = now - beat
            if paused > _BLOCKED:
                logger.warning("this process did not run for %.1f s: it was paused, or the machine was", paused)
            elif blocked > _BLOCKED and warned != beat:
                warned = beat
                task = asyncio.current_task(self._loop)
                logger.warning(
                    "the event loop has been blocked for %.1f s by %s; no other task runs and no lease is renewed "
                    "meanwhile. Declare it as a plain function (it then runs in a thread), or await something.\n%s",
                    blocked,
                    self._describe(task) if task is not None else "a callback",
                    self._stack(),
                    extra=self._about(task) if task is not None else None,
                )

    def _stack(self) -> str:
        frame = sys._current_frames().get(self._thread_id)
        return "".join(traceback.format_stack(frame, limit=None)[-8:]) if frame is not None else ""
