"""Tasks that fail at first, for the tests of retries. The witness of an attempt is a line in a file."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator

from asyncqueue import Retry, RetryDelay, current_task, task
from tests.worker.sample_tasks import witnessed

SOON = RetryDelay.constant(0.1, jitter=0)


def _attempt(witness: str) -> int:
    number = current_task().attempt
    witnessed(witness, f"attempt {number}")
    return number


@task(max_attempts=5, backoff=SOON)
async def third_time(witness: str) -> str:
    """Succeed at the third attempt."""
    number = _attempt(witness)
    if number < 3:
        raise ConnectionError(f"not yet: {number}")
    return f"attempt {number}"


@task(max_attempts=2, backoff=SOON)
async def never(witness: str) -> None:
    raise ValueError(f"attempt {_attempt(witness)} is in vain")


@task(max_attempts=5, backoff=SOON, give_up_on=KeyError)
async def gives_up(witness: str) -> None:
    number = _attempt(witness)
    raise (ValueError if number == 1 else KeyError)(number)


@task(max_attempts=3, backoff=3600)
async def asks(witness: str) -> str:
    if _attempt(witness) < 2:
        raise Retry("come back soon", after=0.3)
    return "asked"


@task(max_attempts=2, backoff=SOON, timeout=0.3)
async def slow_at_first(witness: str) -> str:
    if _attempt(witness) == 1:
        await asyncio.sleep(60)
    return "in time"


@task(max_attempts=3, backoff=SOON, isolation="process")
def dies_at_first(witness: str) -> str:
    if _attempt(witness) == 1:
        os._exit(3)
    return "survived"


@task(max_attempts=3, backoff=SOON)
def streams(witness: str) -> Iterator[str]:
    number = _attempt(witness)
    yield f"{number} "
    if number == 1:
        raise ValueError("in the middle")
    yield "end"


@task(max_attempts=3, backoff=SOON)
async def unstorable_at_first(witness: str) -> str:
    """Fail with a text that no database stores."""
    if _attempt(witness) == 1:
        raise ValueError("\ud800 and \0")
    return "stored"


@task(max_attempts=100, backoff=RetryDelay.constant(0.05))
async def often(witness: str, key: str, times: int) -> str:
    """Fail so many times, and be worth a moment each time."""
    await asyncio.sleep(0.02)
    if current_task().attempt <= times:
        raise ValueError(key)
    witnessed(witness, key)
    return key


@task(max_attempts=2, backoff=2)
async def one_second_chance(witness: str) -> float:
    if _attempt(witness) == 1:
        raise ValueError("first")
    return time.time()
