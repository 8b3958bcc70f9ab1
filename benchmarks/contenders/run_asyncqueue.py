"""asyncqueue, through its public API."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Sequence
from typing import Any

import shared
from shared import Adapter

from asyncqueue import Queue, Settings, TaskRequest, Worker, chain, task
from asyncqueue.limits import Limit


@task
async def noop() -> None:
    """Do nothing."""
    await shared.noop()


@task
def noop_sync() -> None:
    """Do nothing, in a thread."""
    shared.noop_sync()


@task
async def sleep(seconds: float) -> None:
    """Wait."""
    await shared.sleep(seconds)


@task
async def stamp(number: int) -> None:
    """Note when it began."""
    await shared.stamp(number)


class Asyncqueue(Adapter):
    """The checkout."""

    def _queue(self, **settings: Any) -> Queue:
        return Queue(settings=Settings(database_url=self.url, **settings))

    async def setup(self) -> None:
        async with self._queue() as queue:
            await queue.migrate()
            if os.environ.get("BENCH_LEVEL") == "0":  # the table as Django makes it, with the indexes that claims want
                await queue.migrate(down=True)
                await queue.migrate(indexes_only=True)

    async def open(self, callers: int) -> None:
        self.queue = await self._queue().open()

    async def close(self) -> None:
        await self.queue.close()

    async def enqueue(self, kind: str, args: dict[str, Any]) -> None:
        await self.queue.enqueue(f"run_asyncqueue.{kind}", args)

    async def enqueue_bulk(self, kind: str, args: Sequence[dict[str, Any]]) -> None:
        path = f"run_asyncqueue.{kind}"
        if "BENCH_SPREAD" in os.environ:  # over three queues and five priorities
            spread = enumerate(args)
            await self.queue.enqueue_many(
                [TaskRequest(path, each, queue=f"q{n % 3}", priority=n // 3 % 5) for n, each in spread]
            )
            return
        if "BENCH_HELD" in os.environ:  # by a limit that lets none in, and set aside already
            await self.queue.backend.limits.declare([Limit(path, 0)], began=time.monotonic())
            await self.queue.enqueue_many([TaskRequest(path, each, limit_key="held") for each in args])
            for _ in range(len(args) // 1000 + 1):
                await self.queue.backend.claim(0, worker_pid=None)
            return
        if "BENCH_FAN" in os.environ:
            await self.queue.enqueue_many(_fan(os.environ["BENCH_FAN"], [TaskRequest(path, each) for each in args]))
            return
        delay = float(os.environ["BENCH_DELAY"]) if "BENCH_DELAY" in os.environ else None
        await self.queue.enqueue_many([(path, each) for each in args], delay=delay)

    async def work(self, concurrency: int) -> dict[str, Any]:
        async with self._queue(concurrency=concurrency) as queue:
            worker = Worker(queue)
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, worker.stop)
            shared.ready()
            await worker.run()
        done = worker.progress
        made = max(1, done.exchanges)
        return {
            "batch": done.completed / made,
            "exchange_ms": done.exchange_seconds / made * 1e3,
            "slowest_ms": done.slowest_exchange * 1e3,
        }


def _fan(how: str, requests: list[TaskRequest]) -> list[TaskRequest]:
    """The same tasks: all but the first after that one, or the last after all others."""
    first, *rest = requests
    return {"out": chain(first, rest), "in": chain(rest, first)}.get(how, requests)


if __name__ == "__main__":
    shared.main(Asyncqueue)
