"""What every helper asks first: an event loop of asyncio, and a queue that is open."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from asyncqueue.errors import ConfigurationError, TableMissing
from asyncqueue.queue import Queue

_NOT_OPEN = (
    "the queue is not open: use it inside of `async with memory_queue() as queue`, or `async with Queue(...) as queue`"
)
_OR_NO_TABLE = "; or its database has no task table: run `asyncqueue migrate`"


def require_asyncio(what: str) -> None:
    """Raise ConfigurationError where no event loop of asyncio runs, as under trio."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        raise ConfigurationError(
            f"{what} needs the event loop of asyncio, and none runs here. asyncqueue does not run on trio: with "
            'anyio\'s plugin let the fixture anyio_backend return "asyncio"'
        ) from None


@asynccontextmanager
async def opened(queue: Queue) -> AsyncIterator[None]:
    """Raise ConfigurationError for a queue that was not opened, or was in memory and is closed, or has no table."""
    embedded = queue.backend.capabilities.embedded
    if queue.backend.shape is None and queue.backend.defect is None:  # which the first verb says
        raise ConfigurationError(_NOT_OPEN if embedded else _NOT_OPEN + _OR_NO_TABLE)
    try:
        yield
    except TableMissing as error:
        if not embedded:
            raise
        await queue.close()
        raise ConfigurationError(_NOT_OPEN) from error
