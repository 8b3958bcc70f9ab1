"""huey, on SQLite.

Its consumer with `concurrency` workers of the type `thread`, its default, and polling, write-ahead log and syncing by
default too; without the periodic tasks that its documentation says one may leave out. It has plain functions only.
A task leaves the database when a worker takes it, and a function that returns None leaves nothing behind.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Sequence
from typing import Any

import shared
from huey import SqliteHuey
from shared import Adapter

logging.getLogger("huey").setLevel(logging.WARNING)
huey = SqliteHuey(filename=sys.argv[2].removeprefix("sqlite:///"))


@huey.task()
def noop() -> None:
    """Do nothing."""
    shared.noop_sync()


@huey.task()
def noop_sync() -> None:
    """Do nothing."""
    shared.noop_sync()


@huey.task()
def sleep(seconds: float) -> None:
    """Wait."""
    time.sleep(seconds)
    shared.noop_sync()


@huey.task()
def stamp(number: int) -> None:
    """Note when it began."""
    shared.stamp_sync(number)


_TASKS = {"noop": noop, "noop_sync": noop_sync, "sleep": sleep, "stamp": stamp}


class HueyAdapter(Adapter):
    """One instance, which has no call for many."""

    threads = True

    def setup(self) -> None:
        """Nothing to do: making the instance made the tables."""

    def open(self, callers: int) -> None:
        huey.storage.queue_size()  # connects; all threads share the connection

    def close(self) -> None:
        huey.storage.close()

    def enqueue(self, kind: str, args: dict[str, Any]) -> None:
        _TASKS[kind](**args)

    def enqueue_bulk(self, kind: str, args: Sequence[dict[str, Any]]) -> None:
        for each in args:  # not a call of its own, and not measured: it fills the queue before a drain
            self.enqueue(kind, each)

    def work(self, concurrency: int) -> None:
        consumer = huey.create_consumer(workers=concurrency, periodic=False, graceful_signal="TERM", shutdown_timeout=4)
        shared.ready()
        consumer.run()


if __name__ == "__main__":
    shared.main(HueyAdapter)
