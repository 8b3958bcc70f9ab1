"""What a worker does while its database is away, on servers that the tests stop and start."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from contextlib import ExitStack

import pytest

from asyncqueue import Queue, Settings, Status
from asyncqueue.errors import DatabaseError
from tests.worker import sample_tasks
from tests.worker.process import WorkerProcess, ended, lines, until

SERVERS = ("postgresql", "mysql", "mariadb")


@pytest.fixture(params=SERVERS)
async def server(request, restartable):
    server = restartable(request.param)
    if not server.running:
        server.start()
    return server


@pytest.fixture
async def queue(server):
    url = server.create_database()
    settings = Settings(database_url=url, connect_timeout=30)
    async with Queue(settings=settings) as queue:
        await queue.migrate()
        yield queue


@pytest.mark.timeout(180)
async def test_a_restart_under_load_delays_tasks_but_ends_every_one_of_them_once(server, queue, tmp_path):
    witness = tmp_path / "witness"
    keys = [str(number) for number in range(3_000)]
    await queue.enqueue_many(
        [(sample_tasks.slow, {"witness": str(witness), "key": key, "seconds": 0.05}) for key in keys]
    )
    # A claim whose reply the stop cut off has not begun to run: with this option it is queued again after its lease.
    lost = ("--lease", "8", "--heartbeat", "1", "--timeout", "60", "--on-lost", "requeue")
    with WorkerProcess(queue.settings.database_url, tmp_path, "--concurrency", "50", *lost) as worker:
        await until(lambda: len(lines(witness)) > 600, what="load")
        await asyncio.to_thread(server.restart)
        await until(lambda: ended(queue), 90, "every end in the table")
        assert worker.alive
    assert Counter(lines(witness)) == Counter([f"start {key}" for key in keys] + [f"end {key}" for key in keys])
    assert await queue.count(status=Status.COMPLETED) == len(keys)


@pytest.mark.timeout(180)
async def test_results_survive_an_outage_in_memory_and_are_written_when_it_ends(server, queue, tmp_path):
    witness = tmp_path / "witness"
    handles = await queue.enqueue_many(
        [(sample_tasks.slow, {"witness": str(witness), "key": str(number), "seconds": 2}) for number in range(30)]
    )
    with WorkerProcess(queue.settings.database_url, tmp_path, "--concurrency", "30") as worker:
        await until(lambda: len(lines(witness)) == 30, what="thirty starts")
        await asyncio.to_thread(server.stop)
        await until(lambda: len(lines(witness)) == 60, what="thirty ends, while the server is down")
        await worker.wait_for_log("cannot write 30 results")
        await asyncio.to_thread(server.start)
        await until(lambda: ended(queue), what="the results in the table")
        assert worker.alive
    assert [await handle.status() for handle in handles] == [Status.COMPLETED] * 30


@pytest.mark.timeout(180)
async def test_enqueue_waits_out_a_short_outage_and_inserts_once(server, queue):
    await asyncio.to_thread(server.stop)
    waiting = [asyncio.create_task(queue.enqueue(sample_tasks.add, {"a": n, "b": 0})) for n in range(20)]
    await asyncio.sleep(0.5)
    assert not any(task.done() for task in waiting)
    await asyncio.to_thread(server.start)
    handles = [await task for task in waiting]
    assert await queue.count() == 20
    assert {await handle.status() for handle in handles} == {Status.QUEUED}


@pytest.mark.timeout(180)
async def test_a_crash_of_the_server_ends_no_worker(server, queue, tmp_path):
    """Each loop of each worker meets the outage at a moment of its own."""
    url = queue.settings.database_url
    # What a crash leaves of a claim whose reply was lost is queued again.
    often = ("--heartbeat", "0.2", "--lease", "3", "--timeout", "60", "--poll-max", "0.1", "--on-lost", "requeue")
    with ExitStack() as started:
        workers = [started.enter_context(WorkerProcess(url, tmp_path, *often)) for _ in range(3)]
        for worker in workers:
            await worker.wait_for_log(" on ")
        loading = asyncio.create_task(_load(queue))
        # A listener tries every five seconds at most to connect again: those of the workers may do it at once now.
        await asyncio.sleep(5.5)
        await asyncio.to_thread(server.kill)
        await asyncio.sleep(1)
        await asyncio.to_thread(server.start)
        loading.cancel()
        await queue.enqueue_many([(sample_tasks.add, {"a": number, "b": 0}) for number in range(40)])
        await until(lambda: ended(queue), 60, "every end in the table")
        assert all(worker.alive for worker in workers)


async def _load(queue):
    """A task now and then, so that workers go to and fro between work and waiting for it."""
    while True:
        with contextlib.suppress(DatabaseError):
            await queue.enqueue(sample_tasks.add, {"a": 1, "b": 1})
        await asyncio.sleep(0.005)


@pytest.mark.timeout(120)
async def test_a_worker_that_starts_while_its_database_does_begins_when_it_can(server, queue, tmp_path):
    handle = await queue.enqueue(sample_tasks.add, {"a": 1, "b": 2})
    await asyncio.to_thread(server.stop)
    with WorkerProcess(queue.settings.database_url, tmp_path, ASYNCQUEUE_CONNECT_TIMEOUT="60") as worker:
        await asyncio.sleep(1.5)
        assert worker.alive
        await asyncio.to_thread(server.start)
        assert await handle.result(timeout=30) == 3
        assert worker.alive
