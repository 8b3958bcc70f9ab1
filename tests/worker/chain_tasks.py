"""What the tests of chains run. The witness is a line in an append-only file."""

from __future__ import annotations

import asyncio
import random

from asyncqueue import Queue, Settings, current_task, predecessors, task
from tests.worker.sample_tasks import witnessed


@task
async def step(witness: str, key: str, fails: bool = False, seconds: float = 0) -> str:
    """Witness the start and the end."""
    witnessed(witness, f"start {key}")
    await asyncio.sleep(seconds or random.uniform(0, 0.01))
    witnessed(witness, f"end {key}")
    if fails:
        raise ValueError(f"{key} on purpose")
    return key


@task
async def collect() -> str:
    """Everything that is known of what came before."""
    lines = [
        f"{each.task and each.task.rpartition('.')[2]} {each.status!r} {each.result} {each.error}"
        async for each in predecessors()
    ]
    assert len(lines) == len(await predecessors())
    return "\n".join(line.partition("\n")[0] for line in lines)


@task
def collect_in_a_thread() -> list[str | None]:
    return [each.result for each in predecessors()]


@task(isolation="process")
def collect_in_a_process() -> None:
    predecessors()


@task
async def wrong() -> None:
    for _ in predecessors():
        pass


@task
async def fan_out(url: str, witness: str, count: int) -> str:
    """Enqueue others, and one that runs when they and this one have ended."""
    async with Queue(settings=Settings(database_url=url)) as queue:
        values = [{"witness": witness, "key": f"part {number}"} for number in range(count)]
        parts = await queue.enqueue_many([(step, value) for value in values])
        await queue.enqueue(step, {"witness": witness, "key": "last"}, after=[current_task(), *parts])
        await asyncio.sleep(0.2)
    witnessed(witness, "end fan_out")
    return "fanned out"
