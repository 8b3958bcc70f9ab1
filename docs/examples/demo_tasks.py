"""One task of every kind, for the demonstration."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import AsyncIterator, Iterator

from asyncqueue import task

logger = logging.getLogger(__name__)


@task
async def greet(name: str) -> str:
    """Async: hundreds of these wait at the same time."""
    await asyncio.sleep(0.01)
    return f"Hello, {name}!"


@task
def count_words(text: str) -> dict[str, int]:
    """Plain: runs in a thread; what is not a str is stored as JSON."""
    words = text.split()
    return {word: words.count(word) for word in sorted(set(words))}


@task
def countdown(start: int) -> Iterator[str]:
    """A generator: its yields are streamed into the output column."""
    for number in range(start, 0, -1):
        yield f"{number} "
    yield "lift-off"


@task
async def ticker(ticks: int) -> AsyncIterator[str]:
    """An async generator."""
    for number in range(ticks):
        yield f"tick {number}\n"
        await asyncio.sleep(0.1)


@task
async def slow(seconds: float) -> str:
    """Slow: others overtake it."""
    print(f"sleeping for {seconds} s")
    await asyncio.sleep(seconds)
    return "done"


@task
def crunch(rounds: int) -> int:
    """Plain and blocking: does not hold up the others either."""
    until = time.monotonic() + 0.05
    while time.monotonic() < until:
        rounds += 1
    return rounds


@task(isolation="process")
def isolated() -> int:
    """In a process of its own."""
    return os.getpid()


@task
async def fail(order: int) -> None:
    """Failing: the error and its traceback are kept."""
    logger.warning("order %d looks odd", order)
    raise ValueError(f"order {order} has no items")


@task(timeout=0.5)
async def too_slow() -> None:
    """Stopped by its timeout."""
    await asyncio.sleep(3600)
