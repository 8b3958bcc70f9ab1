"""procrastinate with its `PsycopgConnector`, set up as its "Discussions" and "How-to" pages say.

The pool of the worker may grow to one connection more than tasks at once ("Mind the size of your PostgreSQL pool": as
many as the concurrency, plus one, when jobs are short). It begins with psycopg's default of 4: in trials it never grew
beyond 8. LISTEN/NOTIFY and the polling intervals are left at their defaults, and finished jobs stay in the table, also
the default. psycopg is the compiled one, which psycopg's installation guide recommends.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import shared
from procrastinate import App, PsycopgConnector
from shared import Adapter

POOL = 10


async def noop() -> None:
    """Do nothing."""
    await shared.noop()


def noop_sync() -> None:
    """Do nothing, in a thread."""
    shared.noop_sync()


async def sleep(seconds: float) -> None:
    """Wait."""
    await shared.sleep(seconds)


async def stamp(number: int) -> None:
    """Note when it began."""
    await shared.stamp(number)


class Procrastinate(Adapter):
    """One app with the default queue."""

    def _app(self, least: int, most: int) -> App:
        logging.getLogger("procrastinate").setLevel(logging.WARNING)
        # It warns of an app made in the main module, because of task names taken from there: these are given.
        logging.getLogger("procrastinate.blueprints").setLevel(logging.ERROR)
        app = App(connector=PsycopgConnector(conninfo=self.url, min_size=least, max_size=most))
        self.tasks = {each.__name__: app.task(name=each.__name__)(each) for each in (noop, noop_sync, sleep, stamp)}
        return app

    async def setup(self) -> None:
        async with self._app(1, 1).open_async() as app:
            await app.schema_manager.apply_schema_async()

    async def open(self, callers: int) -> None:
        size = 1 if callers == 1 else POOL
        self.app = self._app(size, size)
        await self.app.open_async()

    async def close(self) -> None:
        await self.app.close_async()

    async def enqueue(self, kind: str, args: dict[str, Any]) -> None:
        await self.tasks[kind].defer_async(**args)

    async def enqueue_bulk(self, kind: str, args: Sequence[dict[str, Any]]) -> None:
        await self.tasks[kind].batch_defer_async(*args)

    async def work(self, concurrency: int) -> None:
        async with self._app(min(4, concurrency + 1), concurrency + 1).open_async() as app:
            shared.ready()
            await app.run_worker_async(concurrency=concurrency, shutdown_graceful_timeout=3)


if __name__ == "__main__":
    shared.main(Procrastinate)
