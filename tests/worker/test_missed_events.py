"""That a worker finds what nobody told it, and asks little for that."""

from __future__ import annotations

from asyncqueue import Queue, Settings, Status
from tests.servers.cases import cases, migrated
from tests.worker import limited_tasks
from tests.worker.process import until
from tests.worker.test_trouble import working

MIGRATED = cases("database", migrated())
OFTEN = {"lease": 2.0, "heartbeat": 0.3, "poll_max": 0.1}


@MIGRATED
async def test_a_worker_that_runs_finds_what_another_one_set_aside(database, queue):
    """Which died before it could admit it."""
    async with working(queue, **OFTEN), Queue(settings=Settings(database_url=database.url)) as another:
        await queue.pause("default")
        handles = await another.enqueue_many([(limited_tasks.two, None)] * 3)
        await another.backend.claim(0, worker_pid=None)
        await queue.resume("default")
        for handle in handles:
            await handle.result(timeout=20)
            assert await handle.status() == Status.COMPLETED


@MIGRATED
async def test_where_nothing_waits_one_statement_says_so(queue, monkeypatch):
    asked: list[str] = []
    for facet, name in (
        (queue.backend.limits, "waiting"),
        (queue.backend.limits, "held"),
        (queue.backend.dependencies, "unresolved"),
    ):
        verb = getattr(facet, name)

        async def noted(*args, verb=verb, name=name, **values):
            asked.append(name)
            return await verb(*args, **values)

        monkeypatch.setattr(facet, name, noted)
    async with working(queue, **OFTEN):
        await until(lambda: asked.count("waiting") >= 3, 20, "three looks")
    assert sorted(set(asked[:2])) == ["held", "unresolved"], "each looks once when it begins"
    assert set(asked[2:]) == {"waiting"}
