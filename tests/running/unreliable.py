"""Functions that fail, for the tests of retries."""

from __future__ import annotations

import asyncio
import datetime
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

from asyncqueue import Retry, RetryDelay, current_task, task

SOON = RetryDelay.steps(1, 10, jitter=0)


class TooManyRequests(ConnectionError):
    """Defined here, so that a child process knows it by its module only."""


class Broken(Exception):
    pass


class Late(Retry):
    """Forgets to begin as its base does."""

    def __init__(self) -> None:
        pass


@task
async def fails() -> None:
    raise ValueError("once")


async def undeclared() -> None:
    raise ValueError("undeclared")


@task(max_attempts=3, backoff=SOON)
async def unreliable(error: str) -> None:
    raise {"value": ValueError, "exit": SystemExit, "cancelled": asyncio.CancelledError}[error]("again")


@task(max_attempts=3, backoff=SOON, retry_on=ConnectionError, give_up_on=(ConnectionAbortedError, Broken))
async def chooses(error: str) -> None:
    raise _errors[error]


@task(isolation="process", max_attempts=3, backoff=SOON, retry_on=ConnectionError, give_up_on=(ConnectionAbortedError,))
def chooses_in_a_process(error: str) -> None:
    raise _errors[error]


_errors = {
    "refused": ConnectionRefusedError("refused"),
    "own": TooManyRequests("own"),
    "aborted": ConnectionAbortedError("aborted"),
    "value": ValueError("value"),
    "broken": Broken("broken"),
}


def _ask(after: Any) -> None:
    try:
        raise ValueError("429")
    except ValueError as error:
        raise Retry("rate limited", after=after) from error


@task(max_attempts=3, backoff=SOON, retry_on=(), give_up_on=Exception)
async def asks(after: float | datetime.timedelta | None = None) -> None:
    _ask(after)


@task(max_attempts=3, backoff=SOON)
def asks_in_a_thread() -> None:
    _ask(7)


@task(isolation="process", max_attempts=3, backoff=SOON)
def asks_in_a_process() -> None:
    _ask(7)


@task
async def asks_in_vain() -> None:
    _ask(7)


@task(max_attempts=3, backoff=SOON)
async def asks_in_its_own_way() -> None:
    raise Late


@task(max_attempts=3, backoff=SOON)
async def leaves_what_nothing_can_store() -> str:
    return "\0"


@task(isolation="process", max_attempts=3, backoff=SOON)
def leaves_it_in_a_process() -> str:
    return "\0"


@task(max_attempts=3, backoff=SOON)
async def floods() -> AsyncIterator[str]:
    yield "first"
    yield "x" * 2000


@task(max_attempts=3, backoff=SOON)
async def takes(number: int) -> None: ...


@task(max_attempts=3, backoff=SOON, timeout=0.1)
async def sleeps() -> None:
    await asyncio.sleep(60)


@task(max_attempts=3, backoff=SOON, timeout=0.1, give_up_on=TimeoutError)
async def sleeps_once() -> None:
    await asyncio.sleep(60)


@task(isolation="process", max_attempts=3, backoff=SOON, timeout=1)
def hangs() -> None:
    time.sleep(60)


@task(isolation="process", max_attempts=3, backoff=SOON)
def dies() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@task(isolation="process", max_attempts=3, backoff=SOON, give_up_on=ChildProcessError)
def dies_once() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@task(isolation="process", max_attempts=3, backoff=SOON)
def exits() -> None:
    sys.exit(3)


@task(max_attempts=3, backoff=SOON)
def streams() -> Iterator[str]:
    yield "before"
    raise ValueError("after")


def _said() -> str:
    info = current_task()
    return f"{info.attempt} of {info.max_attempts}"


@task(max_attempts=3)
async def counts() -> str:
    return _said()


@task(max_attempts=3)
def counts_in_a_thread() -> str:
    return _said()


@task(isolation="process", max_attempts=3)
def counts_in_a_process() -> str:
    return _said()
