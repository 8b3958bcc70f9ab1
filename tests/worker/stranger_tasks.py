"""Tasks whose code cancels what it finds where no context tells that it is theirs: in threads, and in callbacks."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import Callable
from contextvars import Context
from typing import Any

from asyncqueue import task


def _cancel_all(loop: asyncio.AbstractEventLoop) -> int:
    found = asyncio.all_tasks(loop) - {asyncio.current_task()}
    for each in found:
        each.cancel()
    return len(found)


def _in_thread(call: Callable[[], object]) -> None:
    """In one that gets no copy of a context, which those of asyncio do."""
    thread = threading.Thread(target=call)
    thread.start()
    thread.join()


async def _told(loop: asyncio.AbstractEventLoop, told: Callable[[Callable[[], None]], object]) -> int:
    """How many were cancelled by a callback, which `told` gives to the loop."""
    ended: asyncio.Future[int] = loop.create_future()
    told(lambda: ended.set_result(_cancel_all(loop)))
    return await ended


@task
async def by_a_thread() -> int:
    loop = asyncio.get_running_loop()
    return await _told(loop, lambda call: _in_thread(lambda: loop.call_soon_threadsafe(call)))


@task
async def by_a_look_in_a_thread() -> int:
    loop = asyncio.get_running_loop()
    found: list[asyncio.Task[Any]] = []

    def call() -> None:
        found.extend(asyncio.all_tasks(loop))
        for each in found:
            loop.call_soon_threadsafe(each.cancel)

    _in_thread(call)
    await asyncio.sleep(0.1)
    return len(found)


@task
async def by_an_empty_context() -> int:
    loop = asyncio.get_running_loop()
    return await _told(loop, lambda call: loop.call_soon(call, context=Context()))


@task
async def by_an_executor() -> int:
    """Shutdown code as many libraries have it."""
    loop = asyncio.get_running_loop()

    async def shut_down() -> int:
        return _cancel_all(loop)

    return await loop.run_in_executor(None, lambda: asyncio.run_coroutine_threadsafe(shut_down(), loop).result())


@task
async def by_an_asyncio_task_without_context() -> int:
    loop = asyncio.get_running_loop()

    async def shut_down() -> int:
        return _cancel_all(loop)

    return await asyncio.create_task(shut_down(), context=Context())


@task
async def by_the_garbage_collector() -> int:
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[int] = loop.create_future()
    loop.call_soon(lambda: ended.set_result(_cancel_main()), context=Context())
    return await ended


def _cancel_main() -> int:
    found = [each for each in gc.get_objects() if isinstance(each, asyncio.Task) and not each.done()]
    return sum(each.cancel() for each in found if "asyncqueue.cli" in str(each) or "asyncqueue/cli" in str(each))


@task
async def by_itself() -> None:
    """A watchdog of its own, in a thread: this is the task's to cancel."""
    loop, mine = asyncio.get_running_loop(), asyncio.current_task()
    assert mine is not None
    _in_thread(lambda: loop.call_soon_threadsafe(mine.cancel))
    await asyncio.sleep(60)
