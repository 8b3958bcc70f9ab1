"""An event loop for a worker that its tasks cannot end."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Coroutine
from typing import Any

from asyncqueue.background import OwnTask, own_context
from asyncqueue.loggers import get_logger
from asyncqueue.reprs import shown

logger = get_logger("asyncqueue.worker")


def run_to_its_end(
    main: Callable[[], Coroutine[Any, Any, None]], *, loop_factory: Callable[[], asyncio.AbstractEventLoop] | None
) -> None:
    """Run `main` to its end, and raise what it raises, whatever the tasks do to the event loop meanwhile.

    asyncio ends the whole loop for SystemExit and KeyboardInterrupt that an asyncio task or a callback raises, however
    deep within a task, and for loop.stop(). Here the loop goes on: who awaits that asyncio task has the exception.

    Ctrl-C ends it as long as `main` has not set a handler for SIGINT.
    """
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        loop = runner.get_loop()
        task = OwnTask(main(), loop=loop, context=own_context())
        while not task.done():
            try:
                loop.run_until_complete(task)
            except BaseException as error:
                if task.done() or loop.is_closed() or not _contained(error):
                    raise
                logger.warning(
                    "a task has ended the event loop, by %s in an asyncio task or a callback of its own, or by "
                    "loop.stop(); the worker goes on",
                    shown(error),
                    exc_info=error,
                )


def _contained(error: BaseException) -> bool:
    if isinstance(error, KeyboardInterrupt):
        return signal.getsignal(signal.SIGINT) is not signal.default_int_handler
    return isinstance(error, SystemExit | RuntimeError)
