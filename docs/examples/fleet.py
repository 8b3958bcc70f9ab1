"""What docs/tasks.md shows of promises that hold for a whole fleet: a test runs it on every database."""

from __future__ import annotations

from collections.abc import Sequence

from level_1_tasks import report, send

from asyncqueue import Queue, TaskHandle
from asyncqueue.errors import DuplicateTask


async def welcome(queue: Queue, user: int) -> TaskHandle:
    """One task for a key at a time."""
    handle = await queue.enqueue(send, {"to": f"user {user}"}, unique_key=f"welcome-{user}", unique_for=3600)
    print("enqueued" if handle.created else "there is one already:", handle.id)
    return handle


async def reminded(queue: Queue, order: int) -> TaskHandle:
    """The last one counts."""
    key = f"remind-{order}"
    return await queue.enqueue(send, {"to": "ada"}, delay=900, unique_key=key, on_conflict="replace")


async def charged(queue: Queue, order: int) -> bool:
    """An error where there is one already."""
    try:
        await queue.enqueue(send, {"to": "the bank"}, unique_key=f"charge-{order}", on_conflict="raise")
    except DuplicateTask as duplicate:
        print(f"{duplicate.task_id} does that already")
        return False
    return True


async def watched(queue: Queue, addresses: Sequence[str]) -> None:
    """As they end."""
    handles = await queue.enqueue_many([(send, {"to": to}) for to in addresses])
    async for record in queue.watch(handles, timeout=60):
        print(record.id, record.status.name, record.output)


async def followed(queue: Queue) -> None:
    """As it grows."""
    handle = await queue.enqueue(report, {"days": 3})
    async for piece in handle.stream():
        print(piece, end="")
