"""Tasks that print while they run. A test lets each go on, by files."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

from asyncqueue import task

logger = logging.getLogger("app.talk")


async def _until(path: Path) -> None:
    while not path.exists():
        await asyncio.sleep(0.02)


@task
async def talks(folder: str) -> str:
    """Say something, wait for `go`, say more, wait for `end`."""
    print("one ä")
    await _until(Path(folder, "go"))
    logger.warning("two")
    await _until(Path(folder, "end"))
    print("three")
    return "done"


@task
async def cleans_up(folder: str) -> None:
    """Say something, and more in a clean-up that takes until `end`."""
    try:
        print("began")
        Path(folder, "begun").touch()
        await asyncio.sleep(600)
    finally:
        print("cleaning")
        await _until(Path(folder, "end"))
        print("cleaned up")


@task(isolation="process")
async def cleans_up_in_a_process(folder: str) -> None:
    await cleans_up.__wrapped__(folder)


@task
async def ends_in_its_time(folder: str) -> str:
    """Know nothing of its cancellation."""
    print("to its end")
    Path(folder, "begun").touch()
    await _until(Path(folder, "end"))
    return "done"


@task
async def quick(number: int) -> None:
    print(f"number {number}")
