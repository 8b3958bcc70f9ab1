"""What docs/tasks.md shows of a transaction of your own: a test runs it on PostgreSQL."""

from __future__ import annotations

from typing import Any

from level_1_tasks import send

from asyncqueue import Queue


async def ordered(queue: Queue, pool: Any, order: int) -> None:
    """The order and its task, both or neither."""
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("INSERT INTO orders (id) VALUES ($1)", order)
        await queue.enqueue(send, {"to": "ada"}, connection=connection)
