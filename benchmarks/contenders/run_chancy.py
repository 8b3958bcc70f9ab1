"""chancy, on PostgreSQL.

Two queues, of which one has tasks at a time: `default` on the executor for asyncio, `threads` on the one for threads,
each of `concurrency` jobs at once and with `eager_polling`, which the reference of `Queue` offers for queues that
always have jobs: the worker claims again when a job ends and not only every five seconds. Notifications, the pool of
1 to 10 connections, the plugins and the write of finished jobs once a second are its defaults.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import shared
from chancy import Chancy, Queue, Worker, job
from shared import Adapter


@job(queue="default")
async def noop() -> None:
    """Do nothing."""
    await shared.noop()


@job(queue="threads")
def noop_sync() -> None:
    """Do nothing, in a thread."""
    shared.noop_sync()


@job(queue="default")
async def sleep(*, seconds: float) -> None:
    """Wait."""
    await shared.sleep(seconds)


@job(queue="default")
async def stamp(*, number: int) -> None:
    """Note when it began."""
    await shared.stamp(number)


_JOBS = {"noop": noop, "noop_sync": noop_sync, "sleep": sleep, "stamp": stamp}


class ChancyAdapter(Adapter):
    """One `Chancy` application."""

    def _app(self, least: int = 1, most: int = 10) -> Chancy:
        logging.basicConfig(level=logging.WARNING)
        log = logging.getLogger("bench")  # its own would be set to INFO
        return Chancy(self.url, min_connection_pool_size=least, max_connection_pool_size=most, log=log)

    async def setup(self) -> None:
        async with self._app() as app:
            await app.migrate()

    async def open(self, callers: int) -> None:
        size = 10 if callers > 1 else 1
        self.app = self._app(size, size)
        await self.app.pool.open(wait=True)  # so that no connecting is measured

    async def close(self) -> None:
        await self.app.pool.close()

    async def enqueue(self, kind: str, args: dict[str, Any]) -> None:
        await self.app.push(_JOBS[kind].job.with_kwargs(**args))

    async def enqueue_bulk(self, kind: str, args: Sequence[dict[str, Any]]) -> None:
        async for _ in self.app.push_many([_JOBS[kind].job.with_kwargs(**each) for each in args]):
            pass

    async def work(self, concurrency: int) -> None:
        async with self._app() as app:
            for name, executor in (("default", Chancy.Executor.Async), ("threads", Chancy.Executor.Threaded)):
                queue = Queue(name, concurrency=concurrency, executor=executor, eager_polling=True)
                await app.declare(queue, upsert=True)
            worker = Worker(app, shutdown_timeout=4)
            # It is the worker's last event before the first claim; from here on the gate is open for both queues.
            worker.hub.on("worker.queue.started", lambda _: shared.ready())
            async with worker:
                await worker.wait_for_shutdown()


if __name__ == "__main__":
    shared.main(ChancyAdapter)
