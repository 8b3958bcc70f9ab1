"""Tasks that go on until a file is there, however often they are begun."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

from asyncqueue import task
from tests.worker.sample_tasks import witnessed


@task
async def in_the_loop(witness: str, let_go: str) -> str:
    witnessed(witness, "start loop")
    try:
        while not Path(let_go).exists():
            await asyncio.sleep(0.02)
    except asyncio.CancelledError:
        witnessed(witness, "stopped loop")
        raise
    return "loop"


@task
def in_a_thread(witness: str, let_go: str) -> str:
    witnessed(witness, "start thread")
    while not Path(let_go).exists():
        time.sleep(0.02)
    return "thread"


@task(isolation="process")
def in_a_process(witness: str, let_go: str) -> str:
    witnessed(witness, f"start process {os.getpid()}")
    while not Path(let_go).exists():
        time.sleep(0.02)
    return "process"


@task
async def cleans_up_slowly(witness: str, let_go: str) -> None:
    """Take as long for the clean-up as the file is not there."""
    witnessed(witness, "start")
    try:
        while not Path(let_go).exists():
            await asyncio.sleep(0.02)
    except asyncio.CancelledError:
        witnessed(witness, "cleans up")
        while not Path(let_go).exists():
            await asyncio.sleep(0.02)
        witnessed(witness, "cleaned up")
        raise
