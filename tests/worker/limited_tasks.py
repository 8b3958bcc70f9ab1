"""Tasks under limits, for the tests of workers."""

from __future__ import annotations

import asyncio
import os
import time

from asyncqueue import Rate, task
from tests.worker.sample_tasks import witnessed

running: dict[str, int] = {}
most: dict[str, int] = {}
starts: list[float] = []


async def _run(key: str, seconds: float, beside: int = 1) -> str:
    """Run for so long, but not before so many have run at once: how quick the database is must not matter."""
    running[key] = running.get(key, 0) + 1
    most[key] = max(most.get(key, 0), running[key])
    try:
        async with asyncio.timeout(20):
            while most[key] < beside:
                await asyncio.sleep(0.001)
        await asyncio.sleep(seconds)
    finally:
        running[key] -= 1
    return key


@task(limit=2)
async def two(seconds: float = 0.01, beside: int = 1) -> str:
    return await _run("two", seconds, beside)


@task(limit=1, limit_key="customer-{customer}")
async def one_each(customer: str = "nobody", seconds: float = 0.01) -> str:
    return await _run(customer, seconds)


@task(rate=Rate(3, per=0.5), max_attempts=3, backoff=0.01)
async def paced(fail: bool = False) -> None:
    starts.append(asyncio.get_running_loop().time())
    if fail:
        raise ValueError("no")


@task(limit=1, limit_key=lambda args: args["customer"][0])
async def by_letter(customer: str) -> str:
    return await _run(customer[0], 0.01)


@task
async def free() -> None:
    return None


@task(limit=3, limit_key="{key}")
async def watched(witness: str, key: str, number: int) -> None:
    """Witness the start and the end, with the clock that all processes of a host share."""
    witnessed(witness, f"{time.monotonic_ns()} start {os.getpid()} {key} {number}")
    await asyncio.sleep(0.01)
    witnessed(witness, f"{time.monotonic_ns()} end {os.getpid()} {key} {number}")


@task(limit=1)
async def lingering(witness: str, number: int, seconds: float) -> None:
    """Take a while to clean up, also where it is cancelled."""
    witnessed(witness, f"{time.monotonic_ns()} start {os.getpid()} lingering {number}")
    try:
        await asyncio.sleep(seconds)
    finally:
        await asyncio.sleep(1.5)
        witnessed(witness, f"{time.monotonic_ns()} end {os.getpid()} lingering {number}")


@task
async def unlimited(witness: str, number: int) -> None:
    witnessed(witness, f"{time.monotonic_ns()} free {os.getpid()} - {number}")


@task(rate="40/s")
async def counted(witness: str, number: int) -> None:
    witnessed(witness, f"{time.monotonic_ns()} start {os.getpid()} - {number}")
