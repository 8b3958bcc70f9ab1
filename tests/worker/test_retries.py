"""Tasks that fail and are tried again, by real workers."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from asyncqueue import Application, Hooks, Queue, Status, TaskHandle, TaskInfo, Worker
from asyncqueue.worker import Progress
from tests.servers.cases import cases, migrated, shaped
from tests.worker import flaky_tasks, sample_tasks
from tests.worker.process import WorkerProcess, lines, until

MIGRATED = cases("database", migrated())
LEVEL_0 = cases("database", shaped())


@pytest.fixture
def witness(tmp_path):
    return tmp_path / "witness"


@pytest.fixture
def working(queue: Queue) -> Callable[..., Any]:
    """Runs a worker in this process: `async with working() as progress:`."""

    @asynccontextmanager
    async def work(**hooks: Any) -> AsyncIterator[Callable[[], Progress]]:
        settings = queue.settings.model_copy(update={"poll_max": 0.1})
        worker = Worker(queue, settings=settings, application=Application(hooks=Hooks(**hooks)))
        running = asyncio.create_task(worker.run())
        try:
            yield lambda: worker.progress
        finally:
            worker.stop()
            await running

    return work


async def outcomes(queue: Queue, handle: TaskHandle) -> list[str]:
    return [attempt.outcome for attempt in await queue.attempts(handle.id)]


@MIGRATED
async def test_a_task_succeeds_at_the_third_attempt(queue, working, witness, caplog):
    caplog.set_level(logging.WARNING, "asyncqueue")
    succeeded: list[TaskInfo] = []
    failed: list[TaskInfo] = []

    async def on_success(info: TaskInfo) -> None:
        succeeded.append(info)

    async def on_failure(info: TaskInfo, error: str) -> None:
        failed.append(info)

    handle = await queue.enqueue(flaky_tasks.third_time, {"witness": str(witness)})
    async with working(on_success=(on_success,), on_failure=(on_failure,)) as progress:
        assert await handle.result(timeout=20) == "attempt 3"
        await until(lambda: len(succeeded) == 1)
        assert (progress().completed, progress().failed, progress().retried) == (1, 0, 2)
    assert lines(witness) == ["attempt 1", "attempt 2", "attempt 3"]
    assert failed == [], "nobody is told of an attempt that another one follows"
    assert (succeeded[0].attempt, succeeded[0].max_attempts) == (3, 5)
    record = await handle.record()
    assert (record.error, record.attempt) == (None, 2)
    first, second, third = await handle.attempts()
    assert [first.outcome, second.outcome, third.outcome] == ["failed", "failed", "completed"]
    assert first.error is not None
    assert first.error.startswith("ConnectionError('not yet: 1')")
    assert first.worker == third.worker == record.claimed_by
    assert first.started is not None
    assert first.started <= first.ended < third.ended
    assert "failed in attempt 2 of 5, tried again in 0.1 s: ConnectionError('not yet: 2')" in caplog.text


@MIGRATED
async def test_a_task_that_never_succeeds_fails_after_its_last_attempt(queue, working, witness):
    failed: list[tuple[int, int, str]] = []

    async def on_failure(info: TaskInfo, error: str) -> None:
        failed.append((info.attempt, info.max_attempts, error.splitlines()[0]))

    handle = await queue.enqueue(flaky_tasks.never, {"witness": str(witness)})
    longer = await queue.enqueue(flaky_tasks.never, {"witness": f"{witness}-2"}, max_attempts=3)
    async with working(on_failure=(on_failure,)) as progress:
        await until(lambda: len(failed) == 2)
        assert (progress().failed, progress().retried) == (2, 3)
    assert await handle.status() == Status.FAILED
    assert sorted(failed) == [
        (2, 2, "ValueError('attempt 2 is in vain')"),
        (3, 3, "ValueError('attempt 3 is in vain')"),
    ]
    assert await outcomes(queue, handle) == ["failed"] * 2
    assert await outcomes(queue, longer) == ["failed"] * 3, "a row's own number counts more than the function's"


@MIGRATED
@pytest.mark.parametrize(
    ("task", "ends"),
    [
        (flaky_tasks.gives_up, ["failed", "failed"]),
        (flaky_tasks.asks, ["failed", "completed"]),
        (flaky_tasks.slow_at_first, ["failed", "completed"]),
        (flaky_tasks.dies_at_first, ["failed", "completed"]),
        (flaky_tasks.unstorable_at_first, ["failed", "completed"]),
    ],
    ids=["give_up_on", "Retry(after=)", "timeout", "process", "unstorable"],
)
async def test_what_decides(queue, working, witness, task, ends):
    handle = await queue.enqueue(task, {"witness": str(witness)})
    async with working() as progress:
        await until(lambda: progress().completed + progress().failed == 1)
    assert await outcomes(queue, handle) == ends
    assert lines(witness) == ["attempt 1", "attempt 2"]


@MIGRATED
async def test_the_next_attempts_output_replaces_what_was_streamed(queue, working, witness):
    handle = await queue.enqueue(flaky_tasks.streams, {"witness": str(witness)})
    async with working():
        assert await handle.result(timeout=20) == "2 end"


@MIGRATED
async def test_an_attempt_waits_until_it_is_due_and_can_be_brought_forward(queue, working, witness):
    handle = await queue.enqueue(flaky_tasks.one_second_chance, {"witness": str(witness)})
    async with working():
        await until(lambda: lines(witness) == ["attempt 1"])
        await until(lambda: _status_is(handle, Status.SCHEDULED))
        record = await handle.record()
        assert record.run_after is not None
        assert 1 < (record.run_after - record.modified).total_seconds() <= 2
        assert await queue.requeue(handle.id) == {handle.id}
        await until(lambda: _status_is(handle, Status.SCHEDULED))  # its first attempt again
        assert lines(witness) == ["attempt 1", "attempt 1"]
        assert await handle.cancel()


@MIGRATED
async def test_in_a_burst_what_is_not_due_is_left_for_later(queue, witness):
    handle = await queue.enqueue(flaky_tasks.one_second_chance, {"witness": str(witness)})
    await asyncio.wait_for(Worker(queue).run(burst=True), 15)
    assert await handle.status() == Status.SCHEDULED


@MIGRATED
async def test_a_worker_killed_between_attempts_loses_nothing(queue, database, tmp_path, witness):
    keys = [str(number) for number in range(60)]
    await queue.enqueue_many((flaky_tasks.often, {"witness": str(witness), "key": key, "times": 4}) for key in keys)
    options = ("--lease", "3", "--heartbeat", "0.5", "--timeout", "60", "--on-lost", "requeue", "--concurrency", "5")
    with WorkerProcess(database.url, tmp_path, *options) as killed:
        await until(lambda: _some_scheduled(queue), what="rows between attempts")
        killed.signal(signal.SIGKILL)
        await killed.wait()
    unended = (Status.QUEUED, Status.SCHEDULED, Status.RUNNING)
    with WorkerProcess(database.url, tmp_path, *options) as worker:
        await until(lambda: _none(queue, unended), what="the end of all")
        worker.signal(signal.SIGTERM)
        assert await worker.wait(15) == 0
    assert "retried" in worker.text().splitlines()[-1]
    assert await queue.count(status=Status.COMPLETED) == len(keys)
    assert set(lines(witness)) == set(keys)
    assert max(Counter(lines(witness)).values()) <= 2, "once, or again where the end was not written any more"


@LEVEL_0
async def test_a_table_that_is_not_migrated_fails_it_at_once_and_says_why(queue, working, witness, caplog):
    caplog.set_level(logging.WARNING, "asyncqueue")
    failed: list[TaskInfo] = []

    async def on_failure(info: TaskInfo, error: str) -> None:
        failed.append(info)

    handles = [await queue.enqueue(flaky_tasks.never, {"witness": str(witness)}) for _ in range(2)]
    async with working(on_failure=(on_failure,)) as progress:
        await until(lambda: len(failed) == 2)
        assert (progress().failed, progress().retried) == (2, 0)
    assert [await handle.status() for handle in handles] == [Status.FAILED] * 2
    assert caplog.text.count("wants to be tried again, which needs columns that this table lacks") == 1
    assert await handles[0].attempts() == []


@MIGRATED
async def test_most_tasks_leave_no_record_of_attempts(queue, working):
    handle = await queue.enqueue(sample_tasks.add, {"a": 1, "b": 2})
    async with working():
        assert await handle.result(timeout=20) == 3
    assert await handle.attempts() == []


async def _status_is(handle: TaskHandle, status: Status) -> bool:
    return await handle.status() == status


async def _none(queue: Queue, statuses: Any) -> bool:
    return await queue.count(status=statuses) == 0


async def _some_scheduled(queue: Queue) -> bool:
    return await queue.count(status=Status.SCHEDULED) > 10
