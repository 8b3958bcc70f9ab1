"""Tasks that do to the event loop what only its owner may do."""

from __future__ import annotations

import asyncio
import ctypes
import gc
import signal
import sys
import threading
import time
from typing import Any

from asyncqueue import enqueue, task
from tests.worker.sample_tasks import witnessed

_loops: list[asyncio.AbstractEventLoop] = []


def _cancel_all(loop: asyncio.AbstractEventLoop | None = None) -> int:
    found = asyncio.all_tasks(loop)
    for each in found:
        each.cancel()
    return len(found)


@task
async def cancel_all_but_me() -> list[str]:
    """Common shutdown code: also waits for what it has cancelled."""
    mine = asyncio.create_task(asyncio.sleep(60), name="mine")
    others = [each for each in asyncio.all_tasks() if each is not asyncio.current_task()]
    for each in others:
        each.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    assert mine.cancelled()
    return [each.get_name() for each in others]


@task
async def cancel_all_beside_enqueue(seconds: float) -> list[str]:
    """What asyncqueue does for several tasks at once is nobody's to cancel."""
    enqueuing = asyncio.create_task(enqueue(sleep_briefly, {"seconds": seconds}), name="mine")
    await asyncio.sleep(0)
    seen = [each.get_name() for each in asyncio.all_tasks() if each is not asyncio.current_task()]
    await enqueuing
    return seen


@task
async def sleep_briefly(seconds: float) -> None:
    await asyncio.sleep(seconds)


@task
async def cancel_all() -> None:
    _cancel_all()
    await asyncio.sleep(60)


@task
async def cancel_all_soon() -> None:
    asyncio.get_running_loop().call_soon(_cancel_all)
    await asyncio.sleep(60)


@task
async def remember_loop() -> None:
    _loops.append(asyncio.get_running_loop())


@task
def cancel_all_from_thread() -> int:
    """A plain function that has got hold of the worker's loop."""
    done = threading.Event()
    found: list[int] = []

    def call() -> None:
        found.append(_cancel_all())
        done.set()

    _loops[0].call_soon_threadsafe(call)
    assert done.wait(10)
    return found[0]


def _others(mine: asyncio.Task[Any] | None) -> list[asyncio.Task[Any]]:
    """What no view of asyncio's can hide."""
    loop = asyncio.get_running_loop()
    found = [each for each in gc.get_objects() if isinstance(each, asyncio.Task)]
    return [each for each in found if each is not mine and each.get_loop() is loop and not each.done()]


@task
async def cancel_everything(witness: str) -> None:
    witnessed(witness, "cancels everything")
    for each in _others(asyncio.current_task()):
        each.cancel()


@task
async def cancel_again_and_again(seconds: float) -> list[str]:
    """Returns the names of those that were cancelled, without their numbers."""
    loop, mine = asyncio.get_running_loop(), asyncio.current_task()
    cancelled: set[str] = set()
    end = loop.time() + seconds

    def cancel() -> None:
        cancelled.update(each.get_name().rstrip("0123456789") for each in _others(mine) if each.cancel())

    while loop.time() < end:
        cancel()
        await asyncio.sleep(0.005)
        loop.call_soon(cancel)
        await asyncio.sleep(0.005)
    return sorted(cancelled)


@task
async def enqueue_and_wait(times: int) -> list[int]:
    """What other tasks enqueue meanwhile goes into the same batches."""
    handles = [await enqueue("tests.worker.sample_tasks.add", {"a": number, "b": 0}) for number in range(times)]
    return [await handle.result(timeout=50) for handle in handles]


@task(isolation="process")
def say_and_return(key: str) -> str:
    for number in range(10):
        print(key, number)
        time.sleep(0.1)
    return key


async def _exit(error: BaseException) -> None:
    await asyncio.sleep(0)
    raise error


def _leave() -> None:
    sys.exit(7)


@task
async def end_worker(how: str) -> str:
    """End the event loop in one of many ways."""
    loop = asyncio.get_running_loop()
    match how:
        case "gather":
            await asyncio.gather(_exit(SystemExit(3)))
        case "interrupt":
            await asyncio.gather(_exit(KeyboardInterrupt()))
        case "group":
            async with asyncio.TaskGroup() as group:
                group.create_task(_exit(SystemExit(4)))
        case "forget":
            forgotten: Any = asyncio.create_task(_exit(SystemExit(5)))
            await asyncio.sleep(0.05)
            forgotten.exception()
        case "soon":
            loop.call_soon(_leave)
            await asyncio.sleep(0.05)
        case "stop":
            loop.stop()
            await asyncio.sleep(0.05)
        case "close":
            loop.close()
    return how


@task
async def neighbour(witness: str, key: str) -> str:
    """Work that must not notice any of it: in asyncio tasks of its own, too."""
    witnessed(witness, f"start {key}")
    await asyncio.gather(asyncio.sleep(1.5), asyncio.create_task(asyncio.sleep(1.5)))
    witnessed(witness, f"end {key}")
    return key


@task
async def take_signals(how: str) -> None:
    """What libraries do to SIGTERM that believe the process to be theirs."""
    loop = asyncio.get_running_loop()
    match how:
        case "ignored":
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        case "default":
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
        case "loop":
            loop.add_signal_handler(signal.SIGTERM, lambda: None)
        case "removed":
            loop.remove_signal_handler(signal.SIGTERM)
        case "deaf":
            signal.set_wakeup_fd(-1)
        case "blocked":
            signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
        case "in_c":
            ctypes.CDLL(None).signal(int(signal.SIGTERM), ctypes.c_void_p(1))
