"""A queue in memory, which is the default queue meanwhile."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from asyncqueue.default import instead_of_the_default
from asyncqueue.queue import Queue
from asyncqueue.settings import Settings
from asyncqueue.testing.opened import require_asyncio

_URL = "sqlite://"


@asynccontextmanager
async def memory_queue(*, settings: Settings | None = None) -> AsyncIterator[Queue]:
    """A new, empty queue in memory, at level 1; inside, `asyncqueue.enqueue()` and `default_queue()` mean it.

    It belongs to the running event loop. Where another loop asks for the default queue meanwhile, as `asyncio.run()` in
    a thread does, that is an error. May be nested: the innermost one counts.

    Args:
        settings: everything but the database; as in production read from the environment and pyproject.toml where they
            are left out.

    Raises ConfigurationError without an event loop of asyncio.
    """
    require_asyncio("memory_queue()")
    async with Queue(_URL, settings=settings) as queue:
        with instead_of_the_default(queue):
            yield queue
