"""An application to test: tasks, and code that enqueues them."""

from __future__ import annotations

import asyncio
import logging
import time
from datetime import date

import asyncqueue
from asyncqueue import Retry, current_task, task

#: What tasks have done, in order.
done: list[str] = []

logger = logging.getLogger("app")


@task
async def send(to: str, on: date | None = None) -> str:
    done.append(f"send {to}")
    return f"sent to {to}"


@task
async def fail(text: str = "no") -> None:
    print("about to fail")
    logger.warning("a warning")
    raise ValueError(text)


@task(max_attempts=3, backoff=[60, 600])
async def flaky(good: int = 3) -> int:
    attempt = current_task().attempt
    done.append(f"attempt {attempt}")
    if attempt < good:
        raise OSError(f"not yet {attempt}")
    return attempt


@task(max_attempts=2, backoff=0, retry_on=())
async def asks() -> None:
    raise Retry("again, please")


@task
async def forever() -> None:
    try:
        await asyncio.sleep(3600)
    except asyncio.CancelledError:
        done.append("stopped")
        raise


@task
def threaded(name: str) -> str:
    done.append(f"threaded {name}")
    return name


@task
def in_a_loop_of_its_own() -> None:
    asyncio.run(sign_up("x"))


@task
def sleeps() -> None:
    time.sleep(0.4)


@task(isolation="process")
def isolated(good: bool) -> int:
    if not good:
        raise ValueError("in the child")
    return 7


@task
async def numbers(count: int):
    for number in range(count):
        yield f"{number}\n"


@task
async def chain(left: int) -> None:
    done.append(f"chain {left}")
    if left:
        await asyncqueue.enqueue(chain, {"left": left - 1}, delay=60)


@task
async def endless() -> None:
    await asyncqueue.enqueue(endless, delay=60)


@task
async def nested(queue_name: str = "x") -> str:
    handle = await asyncqueue.enqueue(send, {"to": "nested"})
    return f"got: {await handle.result(timeout=5)}"


@task
async def leaves() -> None:
    raise SystemExit(3)


@task
async def drains() -> None:
    from asyncqueue.testing import run_until_empty

    await run_until_empty(await asyncqueue.default_queue())


async def plain() -> None:
    """Not declared."""


async def sign_up(to: str) -> asyncqueue.TaskHandle:
    """What a service does."""
    return await asyncqueue.enqueue(send, {"to": to})


@task
async def gather() -> str:
    return ", ".join([str(each.result) async for each in asyncqueue.predecessors()])


@task
async def after_itself() -> None:
    await asyncqueue.enqueue(send, {"to": "late"}, after=[current_task()])
