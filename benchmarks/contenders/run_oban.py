"""oban, on PostgreSQL.

One queue whose limit is `concurrency`, a pool of 1 to 10 connections (both its defaults), its own notifier, stager
and leader as they come, and the two things its command line adds to an embedded worker: uvloop and orjson. Its log of
every job is not attached, because it is written at the level INFO. Functions that are not async would run on its
event loop, so there is no task for threads.
"""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Sequence
from typing import Any

import orjson
import shared
from oban import Oban, job
from oban.schema import install
from psycopg.types.json import set_json_dumps, set_json_loads
from psycopg_pool import AsyncConnectionPool
from shared import Adapter


@job()
async def noop() -> None:
    """Do nothing."""
    await shared.noop()


@job()
async def sleep(seconds: float) -> None:
    """Wait."""
    await shared.sleep(seconds)


@job()
async def stamp(number: int) -> None:
    """Note when it began."""
    await shared.stamp(number)


_JOBS = {"noop": noop, "sleep": sleep, "stamp": stamp}


class ObanAdapter(Adapter):
    """One `Oban` instance: a client without queues, or a worker with one."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        logging.basicConfig(level=logging.WARNING)
        set_json_dumps(orjson.dumps)
        set_json_loads(orjson.loads)

    def _pool(self, least: int, most: int) -> AsyncConnectionPool:
        # What `Oban.create_pool` makes, which would also read the file `oban.toml` of the current folder.
        return AsyncConnectionPool(self.url, min_size=least, max_size=most, open=False)

    async def setup(self) -> None:
        """Make the schema."""
        async with self._pool(1, 10) as pool:
            await install(pool)

    async def open(self, callers: int) -> None:
        """Connect: the pool is filled before the first call, so that no connecting is measured."""
        size = 10 if callers > 1 else 1
        self.pool = self._pool(size, size)
        await self.pool.open(wait=True)
        self.oban = Oban(pool=self.pool)

    async def close(self) -> None:
        """Disconnect."""
        await self.pool.close()

    async def enqueue(self, kind: str, args: dict[str, Any]) -> None:
        """Enqueue one."""
        await self.oban.enqueue(_JOBS[kind].new(**args))

    async def enqueue_bulk(self, kind: str, args: Sequence[dict[str, Any]]) -> None:
        """Enqueue many in one transaction."""
        await self.oban.enqueue_many(_JOBS[kind].new(**each) for each in args)

    async def work(self, concurrency: int) -> None:
        """Start everything with the queue paused, and let it run when the gate opens."""
        stop = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
        queues = {"default": {"limit": concurrency, "paused": True}}
        async with self._pool(1, 10) as pool, Oban(pool=pool, queues=queues, shutdown_grace_period=4.0) as oban:
            shared.ready()
            await oban.resume_queue("default")
            await stop.wait()


if __name__ == "__main__":
    shared.main(ObanAdapter)
