"""What a task leaves behind in the worker's process."""

from __future__ import annotations

import gc

from asyncqueue import Queue, Settings, Status, Worker
from tests.worker import sample_tasks


async def test_a_task_leaves_nothing_to_the_garbage_collector():
    """Circles of references would: the collector then took a third of a busy worker's time."""
    number = 600  # and a worker itself, which is gone then, is some 300 objects
    async with Queue(settings=Settings(database_url="sqlite://", concurrency=20)) as queue:
        await queue.enqueue_many([(sample_tasks.add, {"a": 1, "b": 2})] * number)
        gc.collect()
        gc.disable()
        try:
            await Worker(queue).run(burst=True)
            left = gc.collect()
        finally:
            gc.enable()
        assert await queue.count(status=Status.COMPLETED) == number
    assert left < number
