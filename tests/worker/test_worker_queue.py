"""enqueue() inside of a worker goes where the worker works, and elsewhere in the process as it is configured."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from asyncqueue import Application, Hooks, Queue, Settings, Status, Worker, default_queue, enqueue
from asyncqueue.errors import ConfigurationError
from asyncqueue.testing import memory_queue, run_until_empty
from tests.servers.cases import Case, cases, migrated
from tests.worker import enqueueing_tasks as tasks
from tests.worker.process import WorkerProcess

SIZE = 4321
HOOKS = {"before_job", "on_success"}


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """What the configuration names: another database than the worker's."""
    monkeypatch.setenv("ASYNCQUEUE_DATABASE_URL", f"sqlite:///{tmp_path}/elsewhere.sqlite3")
    return tmp_path / "elsewhere.sqlite3"


async def ways(queue: Queue) -> set[str | None]:
    """The ways in which something was enqueued here, and has run."""
    found = await queue.list(status=Status.COMPLETED, task="tests.worker.enqueueing_tasks.note")
    return {record.output for record in found}


@cases("database", [*migrated(), Case("sqlite", 7)])
async def test_within_an_embedded_worker_it_is_the_workers(database, elsewhere):
    settings = Settings(database_url=database.url, max_args_size=SIZE, poll_max=0.1)
    application = Application(hooks=Hooks(before_job=(tasks.before_job,), on_success=(tasks.on_success,)))
    async with Queue(settings=settings) as queue:
        await queue.enqueue_many([(each, {}) for each in tasks.EVERYWHERE])
        worker = Worker(queue, application=application)
        await worker.run(burst=True)
        await Worker(queue).run(burst=True)  # what the last hook has enqueued
        failed = await queue.list(status=Status.FAILED)
        assert [record.error for record in failed] == []
        assert await ways(queue) == {each.__name__ for each in tasks.EVERYWHERE} | HOOKS
        assert not elsewhere.exists()
        # Outside of its tasks the application's own configuration counts.
        await enqueue(tasks.note, {"way": "outside"})
        assert await (await default_queue()).count() == 1
    assert elsewhere.exists()


@cases("database", [*migrated(["postgresql", "sqlite"])])
async def test_within_asyncqueue_run_it_is_the_workers(database, elsewhere, tmp_path):
    everything = [*tasks.EVERYWHERE, tasks.in_a_thread_of_its_own]
    async with Queue(settings=Settings(database_url=database.url)) as queue:
        await queue.enqueue_many([(each, {}) for each in everything])
        for _ in range(2):  # what the last hook has enqueued is for the second
            with WorkerProcess(
                database.url,
                tmp_path,
                "--burst",
                "--hooks",
                "tests.worker.enqueueing_tasks",
                ASYNCQUEUE_MAX_ARGS_SIZE=str(SIZE),
            ) as worker:
                assert await worker.wait() == 0
        failed = await queue.list(status=Status.FAILED)
        assert [record.error for record in failed] == []
        assert await ways(queue) == {each.__name__ for each in everything} | HOOKS
    assert not elsewhere.exists()


async def test_a_relative_path_stays_what_it_was_when_a_task_changes_the_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "other").mkdir()
    async with Queue(settings=Settings(database_url="sqlite:///own.sqlite3", max_args_size=SIZE)) as queue:
        await queue.enqueue(tasks.in_a_thread)
        worker = Worker(queue, application=Application(hooks=Hooks(before_job=(_go_elsewhere,))))
        await worker.run(burst=True)
        assert await ways(queue) == {"in_a_thread"}
    assert list((tmp_path / "other").iterdir()) == []


async def _go_elsewhere(info: object) -> None:
    os.chdir(Path(os.environ["ASYNCQUEUE_DATABASE_URL"].removeprefix("sqlite:///")).parent / "other")


async def test_two_workers_in_one_process_have_each_its_own(tmp_path):
    queues = [
        Queue(settings=Settings(database_url=f"sqlite:///{tmp_path}/{name}.sqlite3", max_args_size=SIZE))
        for name in "ab"
    ]
    async with queues[0], queues[1]:
        await queues[0].enqueue(tasks.in_a_coroutine)
        await queues[1].enqueue(tasks.in_a_thread)
        await asyncio.gather(*(Worker(queue).run(burst=True) for queue in queues))
        assert [await ways(queue) for queue in queues] == [{"in_a_coroutine"}, {"in_a_thread"}]


async def test_a_queue_in_memory_cannot_follow_into_another_loop():
    settings = Settings(database_url="sqlite://", max_args_size=SIZE)
    async with Queue(settings=settings) as queue:
        handles = [await queue.enqueue(each) for each in (tasks.in_a_thread, tasks.in_a_coroutine)]
        await Worker(queue).run(burst=True)
        assert "the worker's queue is in memory" in ((await handles[0].record()).error or "")
        assert await ways(queue) == {"in_a_coroutine"}


async def test_a_tests_own_queue_comes_before_the_workers(tmp_path):
    async with memory_queue() as memory, Queue(f"sqlite:///{tmp_path}/own.sqlite3") as queue:
        await queue.enqueue(tasks.in_a_coroutine)
        await Worker(queue).run(burst=True)
        assert await memory.count() == 1
        await run_until_empty(memory)
        assert await ways(memory) == {"in_a_coroutine"}


def test_each_loop_lets_go_of_its_queue_at_its_end():
    """Of a thousand calls of asyncio.run(enqueue(...)) none may leave its event loop behind."""
    from asyncqueue import default

    for _ in range(3):
        asyncio.run(enqueue("x.y"))
    assert not default._opening
    assert not default._closing


async def test_a_worker_needs_an_open_queue(tmp_path):
    queue = Queue(f"sqlite:///{tmp_path}/own.sqlite3")
    worker = Worker(queue)
    with pytest.raises(ConfigurationError, match="the queue is not open: use `async with queue`"):
        await worker.run(burst=True)
    async with queue:
        await worker.run(burst=True)
    async with queue:
        with pytest.raises(ConfigurationError, match="opened again since this worker was made"):
            await worker.run(burst=True)
