"""What signals do to a worker."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import TYPE_CHECKING

from asyncqueue.loggers import get_logger
from asyncqueue.running import forks

if TYPE_CHECKING:
    from asyncqueue.worker import Worker

logger = get_logger("asyncqueue.worker")

#: Seconds after a second signal until the process ends whatever happens.
_FORCED = 10


@contextmanager
def obeying_signals(worker: Worker) -> Iterator[None]:
    """Within this SIGTERM, SIGINT and SIGHUP stop the worker; the second one ends the grace time, the third all of it.

    Processes that tasks fork have Python's own handlers. Where SIGHUP is ignored, as nohup has it, it stays so.
    """
    loop = asyncio.get_running_loop()
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

    for number in numbers:
        loop.add_signal_handler(number, obey, number)
    forks.protect([*numbers, signal.SIGALRM])
    try:
        yield
    finally:
        forks.protect(())
        for number in numbers:
            loop.remove_signal_handler(number)


def leave(code: int) -> None:
    """End the process without waiting for any thread, or for a process that a task has started."""
    # A task may have closed any of the streams, and logging may be set up by the application.
    with contextlib.suppress(BaseException):
        logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(BaseException):
            stream.flush()
    os._exit(code)
