"""Code of a task that no context tells from the worker's: it ends neither the worker, nor the tasks beside it."""

from __future__ import annotations

import asyncio
import signal
from collections import Counter

import pytest

from asyncqueue import Queue, Status, Worker
from asyncqueue.errors import ConfigurationError, TaskFailed
from tests.servers.cases import DIALECTS, cases, migrated, shaped
from tests.worker import sample_tasks, stranger_tasks
from tests.worker.process import WorkerProcess, lines, until
from tests.worker.test_rude import beside, environment, once

__all__ = ["environment"]

ON_SQLITE = cases("database", shaped(["sqlite"], [10]))
MIGRATED = cases("database", migrated(DIALECTS))
SEEING = [
    stranger_tasks.by_a_thread,
    stranger_tasks.by_a_look_in_a_thread,
    stranger_tasks.by_an_empty_context,
    stranger_tasks.by_an_executor,
    stranger_tasks.by_an_asyncio_task_without_context,
    stranger_tasks.by_the_garbage_collector,
]


async def rude_ones_end_nothing(database, queue, tmp_path, environment):
    witness = tmp_path / "witness"
    with WorkerProcess(database.url, tmp_path, **environment) as worker:
        keys, handles = await beside(queue, witness)
        with once(witness, keys):
            for task in SEEING:  # one after the other: what they make without a context is nobody's
                assert await (await queue.enqueue(task)).result(timeout=20) == 0, task
            with pytest.raises(TaskFailed, match="CancelledError"):
                await (await queue.enqueue(stranger_tasks.by_itself)).result(timeout=20)
            for handle in handles:
                await handle.result(timeout=20)
        assert worker.alive
        assert "was cancelled, and not by the worker" not in worker.text()
        worker.signal(signal.SIGTERM)
        assert await worker.wait(20) == 0


@ON_SQLITE
async def test_code_without_the_context_of_its_task_cancels_nothing(database, queue, environment, tmp_path):
    await rude_ones_end_nothing(database, queue, tmp_path, environment)


@MIGRATED
async def test_code_without_the_context_of_its_task_cancels_nothing_of_a_driver(database, queue, tmp_path):
    await rude_ones_end_nothing(database, queue, tmp_path, {})


@ON_SQLITE
@pytest.mark.parametrize("how", ["the task that awaits it", "all tasks"])
async def test_the_program_around_a_worker_cancels_it(queue, how, tmp_path):
    witness = tmp_path / "witness"
    handle = await queue.enqueue(sample_tasks.slow, {"witness": str(witness), "key": "a", "seconds": 600})
    running = asyncio.create_task(Worker(queue).run())
    await until(lambda: lines(witness) == ["start a"], what="the start")
    seen = asyncio.all_tasks() - {asyncio.current_task()}
    assert seen == {running}
    for each in seen if how == "all tasks" else [running]:
        each.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert await handle.status() == Status.QUEUED
    assert Counter(lines(witness)) == {"start a": 1, "stopped a": 1}


@ON_SQLITE
async def test_a_worker_runs_once(queue):
    worker = Worker(queue)
    await worker.run(burst=True)
    handle = await queue.enqueue(sample_tasks.add, {"a": 1, "b": 1})
    with pytest.raises(ConfigurationError, match="make another Worker"):
        await worker.run(burst=True)
    await Worker(queue).run(burst=True)
    assert await handle.status() == Status.COMPLETED


@ON_SQLITE
async def test_a_worker_that_was_cancelled_is_not_run_again(database):
    async with Queue(database.url) as queue:
        worker = Worker(queue)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await worker.run()
        with pytest.raises(ConfigurationError, match="has run already"):
            await worker.run()
