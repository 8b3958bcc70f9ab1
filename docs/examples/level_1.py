"""What docs/tasks.md shows of delays, priorities and queues: a test runs it on every database."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from level_1_tasks import notify, send

from asyncqueue import Attempt, Queue, QueueState, Status, TaskHandle, TaskRequest


async def later(queue: Queue) -> None:
    """Delays and schedules."""
    berlin = ZoneInfo("Europe/Berlin")
    await queue.enqueue(send, {"to": "ada@example.org"}, delay=90)
    await queue.enqueue(send, {"to": "ada@example.org"}, delay=timedelta(hours=2))
    await queue.enqueue(send, {"to": "ada@example.org"}, run_at=datetime(2099, 3, 1, 8, tzinfo=berlin))


async def placed(queue: Queue) -> None:
    """A queue and a priority."""
    await queue.enqueue(send, {"to": "ada@example.org"}, queue="mail", priority=10)


async def many(queue: Queue, addresses: Sequence[str]) -> None:
    """Options of a whole call, and of single tasks."""
    await queue.enqueue_many([(send, {"to": to}) for to in addresses], queue="mail", priority=-5)
    await queue.enqueue_many(
        [
            TaskRequest(send, {"to": "ada@example.org"}, queue="mail"),
            TaskRequest(notify, {"host": "localhost:1"}, delay=60, max_attempts=10),
        ]
    )


async def paused(queue: Queue) -> list[QueueState]:
    """Pause, look, resume."""
    await queue.pause("mail")
    states = await queue.queues()  # [QueueState(name="mail", paused=True, queued=3, scheduled=0, running=0), ...]
    await queue.resume("mail")
    return states


async def deleted(queue: Queue) -> int:
    """What has ended long ago."""
    week, month = timedelta(days=7), timedelta(days=30)
    return await queue.cleanup(older_than={Status.COMPLETED: week, Status.FAILED: month})


async def looked_back(handle: TaskHandle) -> list[Attempt]:
    """What is kept of attempts."""
    attempts = await handle.attempts()
    for attempt in attempts:
        print(attempt.number, attempt.outcome, attempt.worker, attempt.error)
    return attempts


async def listed(queue: Queue) -> None:
    """Periodic tasks."""
    for entry in await queue.periodic():
        print(entry.name, entry.next, entry.last_tick, entry.status)
