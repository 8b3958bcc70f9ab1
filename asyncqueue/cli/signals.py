"""What signals do to a worker."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import logging
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from types import FrameType
from typing import TYPE_CHECKING, Any

from asyncqueue.loggers import get_logger
from asyncqueue.reprs import shown
from asyncqueue.running import forks

if TYPE_CHECKING:
    from asyncqueue.worker import Worker

logger = get_logger("asyncqueue.worker")

#: Seconds after a second signal until the process ends whatever happens.
_FORCED = 10
#: Seconds between two looks whether the signals are still the worker's, because one signal may be all that comes; and
#: between two lines about that.
_LOOK, _QUIET = 0.2, 60.0


@contextmanager
def obeying_signals(worker: Worker) -> Iterator[None]:
    """Within this SIGTERM, SIGINT and SIGHUP stop the worker; the second one ends the grace time, the third all of it.

    Processes that tasks fork have Python's own handlers. Where SIGHUP is ignored, as nohup has it, it stays so.
    """
    numbers = [signal.SIGTERM, signal.SIGINT]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        numbers.append(signal.SIGHUP)
    counter = count(1)

    def obey(number: signal.Signals) -> None:
        worker.stop()
        match next(counter):
            case 1:
                logger.info("%s: stopping; again to end at once", number.name)
            case 2:
                logger.warning("%s again: ending at once", number.name)
                # Whatever the database or a task does, a person who says it twice is obeyed.
                signal.signal(signal.SIGALRM, lambda *_: leave(1))
                signal.alarm(_FORCED)
            case _:
                leave(1)

    taken = _Taken(numbers, obey)
    taken.take()
    forks.protect([*numbers, signal.SIGALRM])
    try:
        yield
    finally:
        forks.protect(())
        taken.give_back()


class _Taken:
    """Signals that the worker handles, whatever its tasks do: an async task may set handlers of its own.

    They are set anew five times a second. These handlers are Python's and not the event loop's: what somebody gives to
    the loop is then seen, and what he takes from the loop is not the worker's. A loop that nothing wakes runs one of
    them with its next timer, which is that of the next look at the latest.
    """

    def __init__(self, numbers: Sequence[signal.Signals], obey: Callable[[signal.Signals], None]) -> None:
        self._loop = asyncio.get_running_loop()
        # A signal comes in whatever context is executing, which may be that of a task: it could cancel nothing.
        self._context = contextvars.copy_context()
        self._numbers = numbers
        self._obey = obey
        self._handler = self._heard  # one object, by which it is known again
        self._timer: asyncio.TimerHandle | None = None
        self._said = -_QUIET

    def take(self) -> None:
        """Handle them from now on."""
        for number in self._numbers:
            signal.signal(number, self._handler)
        self._timer = self._loop.call_later(_LOOK, self._look)

    def give_back(self) -> None:
        """Leave them to Python."""
        if self._timer is not None:
            self._timer.cancel()
        for number in self._numbers:
            signal.signal(number, _pythons(number))

    def _heard(self, number: int, _frame: FrameType | None) -> None:
        self._loop.call_soon_threadsafe(self._obey, signal.Signals(number), context=self._context)

    def _look(self) -> None:
        self._timer = self._loop.call_later(_LOOK, self._look)
        found = {number: signal.signal(number, self._handler) for number in self._numbers}
        others = [
            f"{number.name} went to {shown(handler)}" for number, handler in found.items() if handler != self._handler
        ]
        blocked = signal.pthread_sigmask(signal.SIG_UNBLOCK, self._numbers).intersection(self._numbers)
        others += [f"{signal.Signals(number).name} was blocked" for number in sorted(blocked)]
        if others and self._loop.time() - self._said >= _QUIET:
            self._said = self._loop.time()
            logger.warning(
                "%s: a task, or a module that it has imported, has set that in the worker's process. The worker "
                'handles its signals again; a task that needs handlers of its own is declared with isolation="process"',
                ", ".join(others),
            )


def _pythons(number: signal.Signals) -> Any:
    return signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL


def leave(code: int) -> None:
    """End the process without waiting for any thread, or for a process that a task has started."""
    # A task may have closed any of the streams, and logging may be set up by the application.
    with contextlib.suppress(BaseException):
        logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(BaseException):
            stream.flush()
    os._exit(code)
