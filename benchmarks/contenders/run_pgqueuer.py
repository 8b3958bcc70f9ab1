"""pgqueuer, set up as the guide "Performance tuning" of its documentation says.

The schema as `pgq install` makes it (durable, the default) and then `pgq autovac`, as its checklist asks. The worker
has one direct asyncpg connection and producers a pool, as the same checklist asks. `max_concurrent_tasks` is the number
of tasks at once; the batch size is half of it, the most pgqueuer accepts, because the guide asks for larger batches
when tasks are short. Everything else (timers of its buffers, heartbeat, log aggregation) is left at its default.

Entrypoints must be `async`: a plain function goes through `asyncio.to_thread`, as "Core concepts" shows.
"""

from __future__ import annotations

import asyncio
import json
import logging
import signal
from collections.abc import Sequence
from typing import Any

import asyncpg
import shared
from pgqueuer import PgQueuer
from pgqueuer.models import Job
from pgqueuer.queries import Queries
from shared import Adapter

POOL = 10


async def noop(job: Job) -> None:
    """Do nothing."""
    await shared.noop()


async def noop_sync(job: Job) -> None:
    """Do nothing, in a thread."""
    await asyncio.to_thread(shared.noop_sync)


async def sleep(job: Job) -> None:
    """Wait."""
    await shared.sleep(**json.loads(job.payload or b""))


async def stamp(job: Job) -> None:
    """Note when it began."""
    await shared.stamp(**json.loads(job.payload or b""))


def payload(args: dict[str, Any]) -> bytes | None:
    """Arguments as JSON; pgqueuer takes bytes, or nothing for a task without arguments."""
    return json.dumps(args).encode() if args else None


class Pgqueuer(Adapter):
    """At most `concurrency` tasks at once."""

    def options(self, concurrency: int) -> dict[str, Any]:
        """What its worker is told about batches and tasks at once."""
        batch = max(1, concurrency // 2)
        return {"batch_size": batch, "max_concurrent_tasks": max(concurrency, 2 * batch)}

    async def setup(self) -> None:
        connection = await asyncpg.connect(self.url)
        queries = Queries.from_asyncpg_connection(connection)
        await queries.install()
        await queries.optimize_autovacuum()
        await connection.close()

    async def open(self, callers: int) -> None:
        if callers == 1:
            self.client: Any = await asyncpg.connect(self.url)
            self.queries = Queries.from_asyncpg_connection(self.client)
        else:
            self.client = await asyncpg.create_pool(self.url, min_size=POOL, max_size=POOL)
            self.queries = Queries.from_asyncpg_pool(self.client)

    async def close(self) -> None:
        await self.client.close()

    async def enqueue(self, kind: str, args: dict[str, Any]) -> None:
        await self.queries.enqueue(kind, payload(args))

    async def enqueue_bulk(self, kind: str, args: Sequence[dict[str, Any]]) -> None:
        await self.queries.enqueue([kind] * len(args), [payload(each) for each in args], [0] * len(args))

    async def work(self, concurrency: int) -> None:
        logging.getLogger("pgqueuer").setLevel(logging.WARNING)
        connection = await asyncpg.connect(self.url)
        queuer = PgQueuer.from_asyncpg_connection(connection)
        for function in (noop, noop_sync, sleep, stamp):
            queuer.entrypoint(function.__name__)(function)
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, queuer.shutdown.set)
        shared.ready()
        await queuer.run(**self.options(concurrency))
        await connection.close()


if __name__ == "__main__":
    shared.main(Pgqueuer)
