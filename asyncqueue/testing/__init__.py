"""Helpers for the tests of applications: a queue in memory, running what is in it, assertions, and eager mode.

::

    from asyncqueue.testing import assert_enqueued, memory_queue, run_until_empty

    async def test_signing_up():
        async with memory_queue() as queue:
            await sign_up("ada@example.org")  # calls asyncqueue.enqueue
            await assert_enqueued(queue, send_mail, {"to": "ada@example.org"})
            await run_until_empty(queue)

With pytest the fixtures `asyncqueue_queue`, `asyncqueue_eager` and `asyncqueue_sync` give the queues of `memory_queue`,
`eager` and `sync_queue`. What is tested is the code that runs in production: the queue is SQLite's, the worker is the
worker.
"""

from __future__ import annotations

from asyncqueue.testing.assertions import WAITING, assert_enqueued, assert_not_enqueued, enqueued
from asyncqueue.testing.eager import EagerQueue, eager
from asyncqueue.testing.errors import QueueNotEmpty, TasksFailed
from asyncqueue.testing.memory import memory_queue
from asyncqueue.testing.running import advance, run_until_empty
from asyncqueue.testing.sync import SyncQueue, sync_queue

__all__ = [
    "WAITING",
    "EagerQueue",
    "QueueNotEmpty",
    "SyncQueue",
    "TasksFailed",
    "advance",
    "assert_enqueued",
    "assert_not_enqueued",
    "eager",
    "enqueued",
    "memory_queue",
    "run_until_empty",
    "sync_queue",
]
