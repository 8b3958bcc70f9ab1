"""The queue behind the module-level enqueue(): the configured one, opened on first use, one for each event loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from datetime import datetime, timedelta
from typing import Any
from weakref import WeakKeyDictionary

from asyncqueue.handle import TaskHandle
from asyncqueue.model import DEFAULT_QUEUE, OnConflict
from asyncqueue.queue import Queue
from asyncqueue.requests import Task

_opening: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Task[Queue]] = WeakKeyDictionary()
_closing: WeakKeyDictionary[asyncio.AbstractEventLoop, AsyncGenerator[None]] = WeakKeyDictionary()


async def default_queue() -> Queue:
    """The configured default queue of the running event loop, open.

    It stays open until the loop ends: `asyncio.run` and everything built on it closes it then.
    """
    loop = asyncio.get_running_loop()
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
