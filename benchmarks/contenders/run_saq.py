"""saq with its PostgreSQL queue.

The documentation has no advice on throughput beyond its own benchmark (`benchmarks/simple.py`), which sets nothing but
`concurrency` and lets LISTEN/NOTIFY wake the worker, the default; that is followed. The worker's pool has its default
size of up to 20 connections, all opened beforehand, and its default check. psycopg is the compiled one, which psycopg's
installation guide recommends. On SIGTERM the worker gives running tasks a second; by default it cancels them.

There is no bulk call: `Queue.batch` only aborts what was enqueued when a block fails, and `Queue.map` waits for
results. A queue is filled by concurrent single calls, as in its own benchmark; this is not measured.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

import shared
from saq import Queue, Worker
from saq.types import Context
from shared import Adapter

POOL = 10
WORKER_POOL = 20


async def noop(ctx: Context) -> None:
    """Do nothing."""
    await shared.noop()


def noop_sync(ctx: Context) -> None:
    """Do nothing, in a thread."""
    shared.noop_sync()


async def sleep(ctx: Context, *, seconds: float) -> None:
    """Wait."""
    await shared.sleep(seconds)


async def stamp(ctx: Context, *, number: int) -> None:
    """Note when it began."""
    await shared.stamp(number)


class Saq(Adapter):
    """One queue, the default one."""

    async def setup(self) -> None:
        await self.open(1)
        await self.close()

    async def open(self, callers: int) -> None:
        logging.getLogger("saq").setLevel(logging.WARNING)
        # One caller never waits for a connection, so the pool stays at one; only the filling below makes it grow.
        self.queue = Queue.from_url(self.url, min_size=1 if callers == 1 else POOL, max_size=POOL)
        await self.queue.connect()

    async def close(self) -> None:
        await self.queue.disconnect()

    async def enqueue(self, kind: str, args: dict[str, Any]) -> None:
        await self.queue.enqueue(kind, **args)

    async def enqueue_bulk(self, kind: str, args: Sequence[dict[str, Any]]) -> None:
        pending = iter(args)

        async def caller() -> None:
            for each in pending:
                await self.queue.enqueue(kind, **each)

        await asyncio.gather(*(caller() for _ in range(POOL)))

    async def work(self, concurrency: int) -> None:
        logging.getLogger("saq").setLevel(logging.WARNING)
        queue = Queue.from_url(self.url, min_size=WORKER_POOL, max_size=WORKER_POOL)
        await queue.connect()
        worker = Worker(queue, [noop, noop_sync, sleep, stamp], concurrency=concurrency, shutdown_grace_period_s=1)
        shared.ready()
        await worker.start()
        await queue.disconnect()


if __name__ == "__main__":
    shared.main(Saq)
