"""A worker reads few rows, however many have ended: a task table keeps a million of them and more.

Held for everything that a worker repeats at once, by what the server says that it has read.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from typing import Any

import anyio
import pytest

from asyncqueue import Queue, Rate, Settings, group, task
from asyncqueue.model import Status
from asyncqueue.worker import Worker
from tests.servers.cases import DIALECTS, cases, shaped

ENDED = 1_000_000
#: Rows (on SQLite: steps of its programs) that a worker may read for the tasks of this test. One scan reads a million.
ENOUGH = {"postgresql": 20_000, "mysql": 40_000, "mariadb": 40_000, "sqlite": 400_000}

_PLAIN = 100
_INTO = "INSERT INTO {table} (id, created, modified, task, args, status, output)"
_FILL = {
    "postgresql": f"{_INTO} SELECT gen_random_uuid(), now(), now() - n * interval '1 ms', 'app.task', '{{{{}}}}', "
    "2 + mod(n, 3), 'x' FROM generate_series(1, {count}) AS n",
    "mysql": f"{_INTO} SELECT LOWER(CONCAT(LPAD(HEX(n), 12, '0'), '40008', REPEAT('0', 15))), UTC_TIMESTAMP(6), "
    "UTC_TIMESTAMP(6) - INTERVAL n SECOND, 'app.task', '{{}}', 2 + MOD(n, 3), 'x' FROM {numbers}",
    "sqlite": "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers LIMIT {count}) "
    f"{_INTO} SELECT lower(hex(randomblob(16))), datetime('now'), datetime('now', -n || ' seconds'), 'app.task', "
    "'{{}}', 2 + n - n / 3 * 3, 'x' FROM numbers",
}
_DIGITS = "(SELECT 0 AS n " + " ".join(f"UNION ALL SELECT {n}" for n in range(1, 10)) + ")"


@task
async def plain() -> None: ...


@task(max_attempts=2, backoff=0.01)
async def failing() -> None:
    raise ValueError("no")


@task(limit=3)
async def limited() -> None: ...


@task(rate=Rate(50, per=0.5))
async def paced() -> None: ...


@task
async def streaming() -> AsyncIterator[str]:
    yield "a"
    await asyncio.sleep(0.5)
    yield "b"


@task
async def lasting() -> None:
    await asyncio.sleep(2.5)


class _Steps:
    """Counts the steps of every SQLite connection that is opened meanwhile."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.taken = 0
        self._connect = sqlite3.connect
        monkeypatch.setattr(sqlite3, "connect", self._watched)

    def _watched(self, *arguments: Any, **options: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = self._connect(*arguments, **options)
        connection.set_progress_handler(self._count, 100)
        return connection

    def _count(self) -> int:
        self.taken += 100
        return 0


@cases("fresh_database", shaped(DIALECTS, [10]))
async def test_what_a_worker_repeats_reads_no_row_that_has_ended(fresh_database, monkeypatch):
    database = fresh_database
    _fill(database)
    read, enough = _reads(database, monkeypatch), ENOUGH[database.dialect]
    async with Queue(settings=_settings(database)) as queue:
        await queue.migrate(indexes_only=True)
    _analyse(database)
    before = read()
    async with Queue(settings=_settings(database, lease=2.0)) as queue:
        await queue.enqueue_many([(plain, None)] * _PLAIN + [(lasting, None), (streaming, None)])
        await _work(queue, _PLAIN + 2)
    assert read() - before < enough, (read() - before, "on the table as Django makes it")

    async with Queue(settings=_settings(database)) as queue:
        await queue.migrate()
    _analyse(database)
    before = read()
    async with Queue(settings=_settings(database, lease=2.0)) as queue:
        [*_, waits] = await queue.enqueue_many(group([(plain, None)] * 2, then=(plain, None)))
        await queue.enqueue_many([(plain, None)] * _PLAIN, priority=3, queue="mail")
        await queue.enqueue_many([(limited, None)] * 30 + [(paced, None)] * 30 + [(failing, None)] * 5)
        await queue.enqueue_many([(plain, None)] * 20, delay=0.5)
        await queue.enqueue(plain, unique_key="key")
        cancelled = await queue.enqueue(lasting)
        await queue.enqueue_many([(lasting, None), (streaming, None)])
        await _work(queue, 3 + _PLAIN + 60 + 5 + 20 + 1 + 2, cancelled.id)
        assert (await queue.get(waits.id)).status == Status.COMPLETED
    assert read() - before < enough, (read() - before, "on a migrated table")


async def _work(queue: Queue, count: int, *cancelled: Any) -> None:
    """Run a worker until so many tasks have ended, and every helper loop has had its turns."""
    worker = Worker(queue)
    async with anyio.create_task_group() as group_:
        group_.start_soon(worker.run)
        with anyio.fail_after(60):
            await asyncio.sleep(1)
            await queue.cancel(*cancelled)
            while worker.progress.completed + worker.progress.failed < count:
                await asyncio.sleep(0.05)
        worker.stop()


def _settings(database: Any, **more: Any) -> Settings:
    return Settings(database_url=database.url, heartbeat=0.5, poll_max=0.2, statement_timeout=60, **more)


def _fill(database: Any) -> None:
    dialect = "mysql" if database.dialect == "mariadb" else database.dialect
    names = "abcdef"
    numbers = " JOIN ".join(f"{_DIGITS} AS {name}" for name in names)
    summed = " + ".join(f"{10**place} * {name}.n" for place, name in enumerate(names))
    database.execute(
        _FILL[dialect].format(
            table=database.table, count=ENDED, numbers=f"(SELECT {summed} AS n FROM {numbers}) AS numbers"
        )
    )


def _analyse(database: Any) -> None:
    table = (
        ""
        if database.dialect == "sqlite"
        else f"{'' if database.dialect == 'postgresql' else 'TABLE '}{database.table}"
    )
    database.execute(f"ANALYZE {table}")


def _reads(database: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """How much has been read so far."""
    if database.dialect == "sqlite":
        steps = _Steps(monkeypatch)
        return lambda: steps.taken
    if database.dialect == "postgresql":
        text = "SELECT sum(coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0)) FROM pg_stat_user_tables"
        return lambda: int(database.execute(text)[0][0])
    text = "SHOW GLOBAL STATUS LIKE 'Handler_read%%'"
    return lambda: sum(int(value) for name, value in database.execute(text) if name != "Handler_read_rnd_deleted")
