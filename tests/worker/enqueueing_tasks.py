"""Tasks, and hooks, that enqueue one more in the default queue, each in another way."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

from asgiref.sync import async_to_sync

from asyncqueue import TaskInfo, default_queue, enqueue, task


@task
async def note(way: str) -> str:
    """What the others enqueue."""
    return way


@task
async def in_a_coroutine() -> None:
    await enqueue(note, {"way": "in_a_coroutine"})


@task
def in_a_thread() -> None:
    asyncio.run(_enqueue("in_a_thread"))


@task
def by_async_to_sync() -> None:
    async_to_sync(_enqueue)("by_async_to_sync")


@task
async def in_an_async_generator() -> AsyncIterator[str]:
    yield "a"
    await enqueue(note, {"way": "in_an_async_generator"})
    yield "b"


@task
def in_a_generator() -> Iterator[str]:
    yield "a"
    asyncio.run(_enqueue("in_a_generator"))
    yield "b"


@task
async def in_a_helper_thread() -> None:
    await asyncio.to_thread(lambda: asyncio.run(_enqueue("in_a_helper_thread")))


@task(isolation="process")
async def in_a_process() -> None:
    await _enqueue("in_a_process")


@task(isolation="process")
def in_a_process_without_a_loop() -> None:
    asyncio.run(_enqueue("in_a_process_without_a_loop"))


@task
async def in_a_thread_of_its_own() -> None:
    """No context variable reaches that."""
    thread = threading.Thread(target=lambda: asyncio.run(_enqueue("in_a_thread_of_its_own")))
    thread.start()
    await asyncio.to_thread(thread.join)


#: Those that an embedded worker can serve: it does not have the process for itself.
EVERYWHERE: tuple[Any, ...] = (
    in_a_coroutine,
    in_a_thread,
    by_async_to_sync,
    in_an_async_generator,
    in_a_generator,
    in_a_helper_thread,
    in_a_process,
    in_a_process_without_a_loop,
)


async def before_job(info: TaskInfo) -> None:
    """As a hook."""
    if info.task.endswith(".in_a_coroutine"):
        await enqueue(note, {"way": "before_job"})


def on_success(info: TaskInfo) -> None:
    """As a plain hook."""
    if info.task.endswith(".in_a_coroutine"):
        asyncio.run(_enqueue("on_success"))


async def _enqueue(way: str) -> None:
    await enqueue(note, {"way": way})
    # The rest of the settings is the worker's, too.
    assert (await default_queue()).settings.max_args_size == 4321, "max_args_size"
