"""The queue behind the module-level enqueue(): the configured one, opened on first use, one for each event loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any
from weakref import WeakKeyDictionary

from asyncqueue.errors import ConfigurationError
from asyncqueue.handle import TaskHandle
from asyncqueue.model import DEFAULT_QUEUE, OnConflict, OnFailure
from asyncqueue.queue import Queue
from asyncqueue.requests import Named, Task

_opening: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Task[Queue]] = WeakKeyDictionary()
_closing: WeakKeyDictionary[asyncio.AbstractEventLoop, AsyncGenerator[None]] = WeakKeyDictionary()
#: What `instead_of_the_default` has put in its place, the latest last.
_instead: list[tuple[asyncio.AbstractEventLoop, Queue]] = []


async def default_queue() -> Queue:
    """The configured default queue of the running event loop, open.

    It stays open until the loop ends: `asyncio.run` and everything built on it closes it then.
    """
    loop = asyncio.get_running_loop()
    if _instead:
        return _put_instead(loop)
    opening = _opening.get(loop)
    if opening is None or (opening.done() and (opening.cancelled() or opening.exception() is not None)):
        opening = _opening[loop] = loop.create_task(_open(loop))
    # Several first callers share one opening, and one that is cancelled leaves it to the others.
    return await asyncio.shield(opening)


async def enqueue(
    task: Task,
    args: Mapping[str, Any] | None = None,
    *,
    connection: Any = None,
    queue: str = DEFAULT_QUEUE,
    priority: int = 0,
    delay: float | timedelta | None = None,
    run_at: datetime | None = None,
    max_attempts: int | None = None,
    unique_key: str | None = None,
    unique_for: float | timedelta = 0.0,
    on_conflict: OnConflict = "return",
    limit_key: str | None = None,
    after: Named | Iterable[Named] | None = None,
    on_failure: OnFailure | None = None,
) -> TaskHandle:
    """Enqueue one task in the configured database; see `Queue.enqueue`."""
    return await (await default_queue()).enqueue(
        task,
        args,
        connection=connection,
        queue=queue,
        priority=priority,
        delay=delay,
        run_at=run_at,
        max_attempts=max_attempts,
        unique_key=unique_key,
        unique_for=unique_for,
        on_conflict=on_conflict,
        limit_key=limit_key,
        after=after,
        on_failure=on_failure,
    )


@contextmanager
def instead_of_the_default(queue: Queue) -> Iterator[None]:
    """Make an open queue the default one of the running event loop, until this ends; it stays open.

    Meanwhile other event loops have no default queue: what a test enqueues must not reach the configured database.
    """
    entry = (asyncio.get_running_loop(), queue)
    _instead.append(entry)
    try:
        yield
    finally:
        _instead[:] = [each for each in _instead if each is not entry]


def _put_instead(loop: asyncio.AbstractEventLoop) -> Queue:
    for where, queue in reversed(_instead):
        if where is loop:
            return queue
    raise ConfigurationError(
        "just now the default queue is one in memory (asyncqueue.testing) that belongs to another event loop. Where a "
        "test's code has loops of its own, as asyncio.run() in a thread, use sync_queue, which is in a file"
    )


async def _open(loop: asyncio.AbstractEventLoop) -> Queue:
    queue = await Queue().open()
    closing = _close_with_the_loop(queue)
    await anext(closing)
    _closing[loop] = closing
    return queue


async def _close_with_the_loop(queue: Queue) -> AsyncGenerator[None]:
    """Close the queue when the loop shuts down its asynchronous generators: the one hook a loop has at its end."""
    try:
        yield
    finally:
        await queue.close()
