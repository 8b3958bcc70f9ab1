"""What every helper asks first: an event loop of asyncio, and a queue that is open."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from asyncqueue.errors import ConfigurationError
from asyncqueue.queue import Queue


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
    """Raise ConfigurationError for a queue that is not open in this event loop."""
    try:
        queue.require_open()
    except ConfigurationError as error:
        raise ConfigurationError(f"{error}. In tests: `async with memory_queue() as queue`") from None
    yield
