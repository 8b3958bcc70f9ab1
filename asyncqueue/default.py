"""The queue behind the module-level enqueue(): the worker's inside of its tasks, and else the configured one.

It is opened on first use, one for each event loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any
from weakref import WeakKeyDictionary

from asyncqueue import background
from asyncqueue.errors import ConfigurationError
from asyncqueue.handle import TaskHandle
from asyncqueue.model import DEFAULT_QUEUE, OnConflict, OnFailure
from asyncqueue.queue import Queue
from asyncqueue.requests import Named, Task
from asyncqueue.running import worker_queue
from asyncqueue.running.worker_queue import WorkerQueue
from asyncqueue.urls import is_memory

#: For each event loop what is open there: of a worker by that, the configured one by None.
_opening: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[WorkerQueue | None, asyncio.Task[Queue]]] = (
    WeakKeyDictionary()
)
_closing: WeakKeyDictionary[asyncio.AbstractEventLoop, list[AsyncGenerator[None]]] = WeakKeyDictionary()
#: What `instead_of_the_default` has put in its place, the latest last.
_instead: list[tuple[asyncio.AbstractEventLoop, Queue]] = []


async def default_queue() -> Queue:
    """The default queue of the running event loop, open.

    Inside of a worker, in its tasks and hooks, their threads and the processes of isolated tasks, that is the worker's.
    Elsewhere it is the one that the settings name: see `Settings`. It stays open until the loop ends: `asyncio.run` and
    everything built on it closes it then.

    Raises what `Queue.open` raises; ConfigurationError where a worker's queue is in memory and this is another loop.
    """
    loop = asyncio.get_running_loop()
    if _instead:
        return _put_instead(loop)
    worker = worker_queue.current()
    if worker is not None and worker.loop is loop:
        own: Queue = worker.queue
        return own
    here = _opening.setdefault(loop, {})
    opening = here.get(worker)
    if opening is None:
        opening = here[worker] = background.create_task(_open(loop, worker), name="asyncqueue open")
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
    """Enqueue one task in the default queue, see `default_queue`; the rest is as in `Queue.enqueue`."""
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


async def _open(loop: asyncio.AbstractEventLoop, worker: WorkerQueue | None) -> Queue:
    try:
        return await _opened(loop, worker)
    except BaseException:
        # The next caller tries again; and what is noted of a loop refers to it, so that it would never be let go of.
        here = _opening.get(loop, {})
        here.pop(worker, None)
        if not here:
            _opening.pop(loop, None)
        raise


async def _opened(loop: asyncio.AbstractEventLoop, worker: WorkerQueue | None) -> Queue:
    settings = None if worker is None else worker.settings
    if settings is not None and is_memory(settings.database_url):
        raise ConfigurationError(
            "the worker's queue is in memory, and belongs to its event loop: enqueue from an async function, or give "
            "the worker a queue in a file"
        )
    queue = await Queue(settings=settings).open()
    closing = _close_with_the_loop(loop, queue)
    await anext(closing)
    _closing.setdefault(loop, []).append(closing)
    return queue


async def _close_with_the_loop(loop: asyncio.AbstractEventLoop, queue: Queue) -> AsyncGenerator[None]:
    """Close the queue when the loop shuts down its asynchronous generators: the one hook a loop has at its end."""
    try:
        yield
    finally:
        _opening.pop(loop, None)
        _closing.pop(loop, None)
        await queue.close()
