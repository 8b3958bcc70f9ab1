"""G5: heartbeats that nothing else can delay, and rescues that take nothing whose worker lives."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

from asyncqueue import Queue, Status
from tests.conformance.transactions import holding
from tests.proxy import Proxy
from tests.servers.cases import DIALECTS, SERVER_DIALECTS, cases, migrated, shaped
from tests.worker import sample_tasks
from tests.worker.process import WorkerProcess, lines, until
from tests.worker.test_trouble import LEASE, slow, working

AT_EITHER_LEVEL = cases("database", [*shaped(DIALECTS, [10]), *migrated()])


async def token(queue: Queue, key: UUID) -> Any:
    """The row's `modified`."""
    return (await queue.backend.observe([key])).rows[key][1]


async def renewed(queue: Queue, *keys: UUID, times: int = 2) -> None:
    """Return when each of these rows was renewed so many times."""
    for _ in range(times):
        before = [await token(queue, key) for key in keys]

        async def others(before: list[Any] = before) -> bool:
            return all([await token(queue, key) != old for key, old in zip(keys, before, strict=True)])

        await until(others, 30, "a renewal of each row")


@AT_EITHER_LEVEL
async def test_an_exchange_that_hangs_keeps_no_row_from_being_renewed(queue, monkeypatch, tmp_path):
    """The row whose end it writes is renewed as well, and its end is written with the new token then."""
    witness = tmp_path / "witness"
    real, hanging, go_on = queue.backend.exchange, asyncio.Event(), asyncio.Event()

    async def exchange(*ends: Any, **more: Any) -> Any:
        if not hanging.is_set():
            hanging.set()
            await go_on.wait()
        return await real(*ends, **more)

    async with working(queue, lease=60.0, heartbeat=0.2, concurrency=2) as worker:
        monkeypatch.setattr(queue.backend, "exchange", exchange)
        long = await queue.enqueue(*slow(witness, "long", 600))
        await until(lambda: "start long" in lines(witness), what="the start")
        quick = await queue.enqueue(sample_tasks.add, {"a": 1, "b": 2})
        await hanging.wait()
        await renewed(queue, long.id, quick.id)
        go_on.set()
        assert await quick.result(timeout=20) == 3
        await renewed(queue, long.id, times=1)
        assert (worker.progress.completed, worker.progress.lost) == (1, 0)


@cases("database", [*shaped(SERVER_DIALECTS, [10]), *migrated(SERVER_DIALECTS)])
async def test_a_row_that_another_session_has_locked_keeps_no_other_from_being_renewed(
    queue, database, caplog, tmp_path
):
    witness = tmp_path / "witness"
    async with working(queue, lease=60.0, heartbeat=0.2) as worker:
        handles = await queue.enqueue_many([slow(witness, key, 600) for key in "abc"])
        await until(lambda: len(lines(witness)) == 3, what="three starts")
        locked, *free = (handle.id for handle in handles)
        async with holding(database, locked):
            before = await token(queue, locked)
            await renewed(queue, *free)
            assert await token(queue, locked) == before
            assert "because other sessions have locked their rows" in caplog.text
        await renewed(queue, locked)
        assert worker.progress.lost == 0


@cases("database", shaped(SERVER_DIALECTS, [10]))
async def test_a_workers_statements_end_within_a_third_of_its_lease(queue, database, tmp_path):
    """Although statement_timeout would let them take 30 s: what hangs is done again before the lease ends."""
    witness = tmp_path / "witness"
    async with Proxy(database.url) as proxy:
        handles = await queue.enqueue_many([slow(witness, key, 1) for key in range(5)])
        with WorkerProcess(proxy.url, tmp_path, *LEASE, ASYNCQUEUE_CONNECT_TIMEOUT="1") as worker:
            await until(lambda: len(lines(witness)) >= 5, what="the start")
            proxy.stalled = True
            await worker.wait_for_log("from the database within 1 seconds")
            proxy.cut()
            proxy.stalled = False
            for handle in handles:
                assert await handle.result(timeout=30) is not None
    assert await queue.count(status=Status.COMPLETED) == 5
