"""What a worker does while its task table is not there, because something is making it anew."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Coroutine
from typing import Any

import anyio

from asyncqueue.backends.base import Backend
from asyncqueue.backoff import Backoff
from asyncqueue.errors import SchemaError, TableMissing, unwrapped
from asyncqueue.loggers import get_logger

logger = get_logger("asyncqueue.worker")

#: Seconds until the table is looked at again, at first and at most.
_FIRST, _LAST = 0.1, 0.5
#: Seconds after which an error is the first one of a new absence.
_WELL = 5.0


class Absence:
    """A table that was there and is missing, or lacks what it had: a migration or a test may be making it anew.

    A table that was not there when the worker began is not waited for.

    Args:
        patience: seconds within which it is there again. After that, the error ends the worker.
    """

    def __init__(self, backend: Backend, patience: float) -> None:
        self._backend = backend
        self._patience = patience
        #: The version that the table had at first; None where there was no table.
        self._version: int | None = None
        self._since = self._latest = float("-inf")
        self._delays = Backoff(_FIRST, _LAST)

    def begin(self) -> None:
        """Note what the table is now."""
        shape = self._backend.shape
        self._version = None if shape is None else shape.version

    def outlasting(self, run: Callable[[], Coroutine[Any, Any, None]]) -> Callable[[], Coroutine[Any, Any, None]]:
        """The same loop, which is begun again while the table is missing."""

        async def go_on() -> None:
            while True:
                try:
                    return await run()
                except Exception as error:
                    problem = unwrapped(error) if isinstance(error, BaseExceptionGroup) else error
                    if not (isinstance(problem, SchemaError) and self._bears(problem)):
                        raise
                await anyio.sleep(self._delays.next())
                with contextlib.suppress(SchemaError):  # the loop itself meets it as well
                    await self._backend.refresh()

        return go_on

    def _bears(self, problem: SchemaError) -> bool:
        """Whether to go on in spite of this."""
        shape = self._backend.shape
        lessened = shape is None or shape.version < (self._version or 0)
        if self._version is None or not (lessened or isinstance(problem, TableMissing)):
            return False
        now = time.monotonic()
        if now - self._latest > _WELL:
            self._since = now
            self._delays.reset()
            logger.warning("%s. It was there before: looking again for %g s", problem, self._patience)
        self._latest = now
        return now - self._since < self._patience
