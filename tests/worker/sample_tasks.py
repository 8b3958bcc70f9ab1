"""What the worker tests run. The witness of a run is a line in an append-only file, never the task table."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from asyncqueue import Queue, Settings, current_task, task


def witnessed(path: str, line: str) -> None:
    """Note in a file that something has happened."""
    # One write() of a short line to a file opened with O_APPEND is atomic, also between processes.
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(descriptor, f"{line}\n".encode())
    finally:
        os.close(descriptor)


@task
async def record(witness: str, key: str) -> str:
    witnessed(witness, key)
    return key


@task
async def record_id(witness: str) -> None:
    witnessed(witness, str(current_task().id))


@task
async def slow(witness: str, key: str, seconds: float) -> str:
    """Witness the start, and the end if it comes."""
    witnessed(witness, f"start {key}")
    try:
        await asyncio.sleep(seconds)
    except asyncio.CancelledError:
        witnessed(witness, f"stopped {key}")
        raise
    witnessed(witness, f"end {key}")
    return key


@task
async def slow_to_stop(witness: str, key: str, seconds: float) -> None:
    """Take a while to clean up once it is cancelled."""
    witnessed(witness, f"start {key}")
    try:
        await asyncio.sleep(600)
    finally:
        await asyncio.sleep(seconds)
        witnessed(witness, f"cleaned up {key}")


@task
async def stubborn(witness: str, key: str) -> None:
    """Ignore every cancellation."""
    witnessed(witness, f"start {key}")
    while not Path(f"{witness}.let-go").exists():
        try:
            await asyncio.sleep(0.2)
        except asyncio.CancelledError:
            continue


@task
def threaded(witness: str, key: str, seconds: float = 0) -> str:
    witnessed(witness, f"start {key}")
    time.sleep(seconds)
    witnessed(witness, f"end {key}")
    return key


@task
async def blocking(seconds: float) -> str:
    """What nobody should do: block the event loop."""
    time.sleep(seconds)
    return "done"


@task
async def fail(message: str = "on purpose") -> None:
    raise ValueError(message)


@task
async def add(a: int, b: int) -> int:
    print(f"adding {a} and {b}")
    return a + b


@task
def count_to(number: int) -> Iterator[str]:
    for value in range(1, number + 1):
        yield f"{value} "


@task
async def tick(number: int, pause: float) -> AsyncIterator[str]:
    for value in range(number):
        yield f"<{value}>"
        await asyncio.sleep(pause)


@task(isolation="process")
def child_pid() -> int:
    return os.getpid()


@task(isolation="process")
def crash() -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


@task
async def kill_the_worker(witness: str) -> None:
    """What a task does that exhausts the memory: the whole worker is gone."""
    witnessed(witness, f"start in {os.getpid()}")
    os.kill(os.getpid(), signal.SIGKILL)


async def plain_slow(witness: str, key: str, seconds: float) -> str:
    """As `slow`, and not declared with @task."""
    witnessed(witness, f"start {key}")
    await asyncio.sleep(seconds)
    witnessed(witness, f"end {key}")
    return key


async def plain_blocking(witness: str, after: str, seconds: float) -> str:
    """Block the event loop once a task has begun beside it; not declared with @task."""
    while not Path(witness).exists() or f"start {after}" not in Path(witness).read_text():
        await asyncio.sleep(0.02)
    witnessed(witness, "start blocking")
    time.sleep(seconds)
    witnessed(witness, "end blocking")
    return "done"


def plain_threaded(witness: str, key: str, seconds: float = 0) -> str:
    """As `threaded`, and not declared with @task."""
    witnessed(witness, f"start {key}")
    time.sleep(seconds)
    witnessed(witness, f"end {key}")
    return key


@task(timeout=0.3)
async def too_slow() -> None:
    await asyncio.sleep(60)


@task
async def give(value: str) -> str:
    """Return a text that may not be storable."""
    return value.replace("NUL", "\0").replace("SURROGATE", "\ud800")


@task
async def give_large(size: int) -> str:
    return "x" * size


@task
def yield_nul() -> Iterator[str]:
    yield "before "
    yield "\0"


def plain(witness: str, key: str) -> str:
    """Not declared with @task, as every function of a Django project."""
    witnessed(witness, key)
    return key


not_callable = 3


@task
async def spawn(url: str, witness: str, keys: list[str], times: int) -> None:
    """Enqueue `slow` for each of these unique keys again and again, and witness what was enqueued."""
    async with Queue(settings=Settings(database_url=url)) as queue:
        for _ in range(times):
            for key in keys:
                values = {"witness": witness, "key": key, "seconds": 0.01}
                handle = await queue.enqueue(slow, values, unique_key=key)
                if handle.created:
                    witnessed(witness, f"created {key}")


@task
async def waits_for(witness: str, path: str) -> None:
    witnessed(witness, "start")
    while not Path(path).exists():
        await asyncio.sleep(0.02)
